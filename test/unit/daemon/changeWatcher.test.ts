import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from '../../../src/core/engine';
import { ChangeWatcher } from '../../../src/daemon/changeWatcher';

describe('change watcher', () => {
  let root: string;
  let engine: Engine;
  let watcher: ChangeWatcher;
  let updates: number;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cow-watcher-'));
    mkdirSync(join(root, 'base'));
    engine = Engine.open({
      bases: [join(root, 'base')],
      scratch: join(root, 'scratch'),
      invalidator: { inode: () => undefined, entry: () => undefined },
      log: () => undefined,
    });
    updates = 0;
    watcher = new ChangeWatcher(engine.changes, { updated: () => updates++, failed: assert.ifError });
    runTo(watcher, 0);
  });

  afterEach(() => {
    engine.close();
    rmSync(root, { recursive: true });
  });

  /** Runs what is due at a time. */
  function runTo(idle: ChangeWatcher, now: number): void {
    for (let task = idle.next(now); task !== undefined; task = idle.next(now)) {
      while (task.job.next().done !== true);
      task.done(undefined);
    }
  }

  function write(name: string): void {
    engine.mknod(engine.root, name, 0o100644, 0, { uid: 0, gid: 0, umask: 0 });
  }

  it('does nothing while nobody watches', () => {
    write('a');
    assert.equal(watcher.delay(0), -1);
    runTo(watcher, 1e6);
    assert.equal(updates, 0);
  });

  it('does not let changes gather without end while nobody watches', () => {
    let calls = 0;
    engine.changes.onPending = () => calls++;
    for (let i = 0; i < 25_000; i++) {
      const before = calls;
      engine.changes.touchName(engine.root, `temporary${i}`);
      if (calls > before) runTo(watcher, 10_000 * i);
    }
    assert.equal(engine.changes.overdue, false);
    assert.ok(updates > 0 && updates < 10, `${updates} updates`);
  });

  it('lets changes gather for a moment, and then tells them together', () => {
    watcher.on = true;
    while (engine.changes.update().next().done !== true);
    assert.equal(watcher.delay(0), -1);
    write('a');
    const delay = watcher.delay(1000);
    assert(delay > 0 && delay <= 200, `${delay} ms`);
    write('b');
    assert.equal(watcher.delay(1000 + delay / 2), delay / 2, 'a later change must not put off the first');
    runTo(watcher, 1000 + delay / 2);
    assert.equal(updates, 0);
    runTo(watcher, 1000 + delay);
    assert.equal(updates, 1);
    assert.deepEqual(
      engine.changes.takeDelta()?.upserted.map(({ path }) => path),
      ['a', 'b'],
    );
    assert.equal(watcher.delay(2000), -1);
  });
});
