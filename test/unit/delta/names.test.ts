import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RENAME_EXCHANGE } from '../../../src/sys/file';
import { BLOCK, finish, pattern, useWorkspace, type Workspace } from './workspace';

const BASE = pattern(40 * BLOCK + 100);
const CHANGE = Buffer.alloc(BLOCK, 0xee);

function changed(base: Buffer, ...blocks: number[]): Buffer {
  const bytes = Buffer.from(base);
  for (const block of blocks) CHANGE.copy(bytes, block * BLOCK);
  return bytes;
}

describe('a block delta under other names', () => {
  const workspace = useWorkspace();

  function begin(): Workspace {
    const w = workspace();
    writeFileSync(w.base('big'), BASE);
    mkdirSync(w.base('dir'));
    w.write('big', CHANGE, 3 * BLOCK);
    return w;
  }

  it('moves with its file, also across directories and over remounts', () => {
    const w = begin();
    w.engine.rename(w.engine.root, 'big', w.node('dir'), 'moved', 0);
    assert.deepEqual(w.read('dir/moved'), changed(BASE, 3));
    w.close();
    w.write('dir/moved', CHANGE, 5 * BLOCK);
    w.engine.rename(w.engine.root, 'dir', w.engine.root, 'other', 0);
    w.close();
    assert.deepEqual(w.read('other/moved'), changed(BASE, 3, 5));
    assert.deepEqual(w.changes(), ['renamed other', 'renamed other/moved']);
    finish(w.engine.commit({}));
    assert.deepEqual(readFileSync(w.base('other/moved')), changed(BASE, 3, 5));
    assert.deepEqual(w.changes(), []);
    assert.deepEqual(w.maps(), []);
  });

  it('changes places with another', () => {
    const w = begin();
    writeFileSync(w.base('second'), pattern(50 * BLOCK, 7));
    w.write('second', CHANGE, 0);
    w.engine.rename(w.engine.root, 'big', w.engine.root, 'second', RENAME_EXCHANGE);
    w.close();
    assert.deepEqual(w.read('second'), changed(BASE, 3));
    assert.deepEqual(w.read('big'), changed(pattern(50 * BLOCK, 7), 0));
    finish(w.engine.commit({}));
    assert.deepEqual(readFileSync(w.base('second')), changed(BASE, 3));
    assert.deepEqual(readFileSync(w.base('big')), changed(pattern(50 * BLOCK, 7), 0));
  });

  it('is replaced by another file, and goes with its block map', () => {
    const w = begin();
    w.engine.mknod(w.engine.root, 'new', 0o100644, 0, { uid: 0, gid: 0, umask: 0 });
    w.write('new', Buffer.from('new'), 0);
    w.engine.rename(w.engine.root, 'new', w.engine.root, 'big', 0);
    assert.equal(w.read('big').toString(), 'new');
    assert.deepEqual(w.maps(), []);
  });

  it('shows what was written under any of its names', () => {
    const w = begin();
    w.engine.link(w.node('big'), w.node('dir'), 'second');
    w.write('dir/second', CHANGE, 7 * BLOCK);
    w.close();
    assert.deepEqual(w.read('big'), changed(BASE, 3, 7));
    w.write('big', CHANGE, 9 * BLOCK);
    assert.deepEqual(w.read('dir/second'), changed(BASE, 3, 7, 9));
  });

  it('stays while it has a name, also one that nobody looked at', () => {
    const w = begin();
    w.engine.link(w.node('big'), w.node('dir'), 'second');
    w.close();
    w.engine.unlink(w.engine.root, 'big');
    assert.equal(w.maps().length, 1);
    assert.deepEqual(w.read('dir/second'), changed(BASE, 3));
    w.close();
    assert.deepEqual(w.read('dir/second'), changed(BASE, 3));
    w.engine.unlink(w.node('dir'), 'second');
    assert.deepEqual(w.maps(), []);
  });

  it('stays for who has it open, after its last name', () => {
    const w = begin();
    const node = w.node('big');
    w.engine.remember(node);
    w.engine.unlink(w.engine.root, 'big');
    const bytes = Buffer.alloc(BASE.length);
    w.engine.write(node, CHANGE, BLOCK, 11 * BLOCK);
    assert.equal(w.engine.read(node, bytes, bytes.length, 0), BASE.length);
    assert.deepEqual(bytes, changed(BASE, 3, 11));
    w.engine.forget(node.id, 1);
    assert.deepEqual(w.maps(), []);
  });

  it('of a base file with several names is one', () => {
    const w = workspace();
    writeFileSync(w.base('big'), BASE);
    linkSync(w.base('big'), w.base('twin'));
    w.write('big', CHANGE, 2 * BLOCK);
    assert.deepEqual(w.read('twin'), changed(BASE, 2));
    w.close();
    w.write('twin', CHANGE, 4 * BLOCK);
    assert.deepEqual(w.read('big'), changed(BASE, 2, 4));
    finish(w.engine.commit({}));
    assert.deepEqual(readFileSync(w.base('twin')), changed(BASE, 2, 4));
    assert.equal(statSync(w.base('twin')).ino, statSync(w.base('big')).ino);
    assert.deepEqual(w.changes(), []);
  });

  it('comes back after a discard, however late', () => {
    const w = begin();
    finish(w.engine.discard({}));
    assert.deepEqual(w.read('big'), BASE);
    w.close();
    finish(w.engine.undoDiscard());
    assert.deepEqual(w.read('big'), changed(BASE, 3));
    w.close();
    assert.deepEqual(w.read('big'), changed(BASE, 3));
  });

  it('goes for good when its discard is too old to be undone', () => {
    const w = begin();
    finish(w.engine.discard({}));
    assert.equal(w.maps().length, 1);
    writeFileSync(w.base('small'), 'x');
    for (let i = 0; i < 10; i++) {
      w.write('small', Buffer.from(String(i)), 0);
      finish(w.engine.discard({}));
    }
    assert.deepEqual(w.maps(), []);
  });
});

describe('a block delta over several bases', () => {
  const workspace = useWorkspace({ bases: 3 });

  it('stands on the first base that has the file, and is committed there', () => {
    const w = workspace();
    const [, second, third] = w.bases.map((base) => join(base, 'big'));
    writeFileSync(second!, BASE);
    writeFileSync(third!, pattern(60 * BLOCK, 9));
    w.write('big', CHANGE, BLOCK);
    w.close();
    assert.deepEqual(w.read('big'), changed(BASE, 1));
    assert.equal(finish(w.engine.verify()).length, 0);
    finish(w.engine.commit({}));
    assert.deepEqual(readFileSync(second!), changed(BASE, 1));
    assert.deepEqual(readFileSync(third!), pattern(60 * BLOCK, 9));
    assert.deepEqual(w.changes(), []);
  });

  it('notices a file that appears above its base', () => {
    const w = workspace();
    writeFileSync(join(w.bases[1]!, 'big'), BASE);
    w.write('big', CHANGE, BLOCK);
    w.close();
    writeFileSync(join(w.bases[0]!, 'big'), pattern(BASE.length, 5));
    assert.throws(() => w.read('big'), { code: 'EIO' });
    assert.match(finish(w.engine.verify())[0]!.reason, /base file of its block delta was changed/);
  });
});

describe('a commit of a block delta in use', () => {
  const workspace = useWorkspace();
  const SIZE = 8 << 20;

  /** A commit that has come to a step, and what the base and the mount held before. */
  function begin(): { w: Workspace; old: Buffer; mine: Buffer } {
    const w = workspace();
    const old = pattern(SIZE);
    writeFileSync(w.base('big'), old);
    const mine = Buffer.from(old);
    for (let at = 0; at < SIZE; at += 4 << 20) {
      mine.fill(1, at, at + (1 << 20));
      w.write('big', mine.subarray(at, at + (1 << 20)), at);
    }
    return { w, old, mine };
  }

  it('lets it be read at every step', () => {
    const { w, mine } = begin();
    const commit = w.engine.commit({});
    let steps = 0;
    for (; commit.next().done !== true; steps++) assert.ok(w.read('big').equals(mine), `step ${steps}`);
    assert.ok(steps > 5);
    assert.ok(readFileSync(w.base('big')).equals(mine));
  });

  it('leaves the base as it was when it is written to, and says so; the next commit takes it', () => {
    for (let step = 1; ; step++) {
      const { w, old, mine } = begin();
      const commit = w.engine.commit({});
      let result = commit.next();
      for (let i = 0; i < step && result.done !== true; i++) result = commit.next();
      if (result.done === true) return;
      w.write('big', CHANGE, 6 << 20);
      CHANGE.copy(mine, 6 << 20);
      const { conflicts } = finish(commit);
      assert.ok(w.read('big').equals(mine), `step ${step}`);
      const base = readFileSync(w.base('big'));
      if (conflicts.length > 0) {
        assert.equal(conflicts[0]!.path, 'big');
        assert.ok(base.equals(old), `step ${step}: a refused commit changed the base`);
      }
      assert.deepEqual(w.changes(), base.equals(mine) ? [] : ['changed big'], `step ${step}`);
      finish(w.engine.commit({}));
      assert.ok(readFileSync(w.base('big')).equals(mine));
      assert.deepEqual(w.changes(), []);
    }
  });

  it('leaves the base as it was when it is cancelled at any step', () => {
    const { w, old, mine } = begin();
    for (let step = 1; ; step++) {
      const commit = w.engine.commit({});
      let result = commit.next();
      for (let i = 0; i < step && result.done !== true; i++) result = commit.next();
      if (result.done === true) break;
      commit.return(undefined as never);
      const base = readFileSync(w.base('big'));
      assert.ok(base.equals(old) || base.equals(mine), `step ${step}`);
      assert.ok(w.read('big').equals(mine), `step ${step}`);
      if (base.equals(mine)) break;
    }
    finish(w.engine.commit({}));
    assert.ok(readFileSync(w.base('big')).equals(mine));
    assert.deepEqual(w.changes(), []);
  });

  it('is not confused when it is emptied, renamed or deleted', () => {
    const actions: ((w: Workspace) => void)[] = [
      (w) => w.truncate('big', 0),
      (w) => w.engine.rename(w.engine.root, 'big', w.engine.root, 'moved', 0),
      (w) => w.engine.unlink(w.engine.root, 'big'),
    ];
    for (const [i, act] of actions.entries()) {
      for (const step of [2, 4, 6]) {
        const { w, old, mine } = begin();
        const commit = w.engine.commit({});
        for (let at = 0; at < step; at++) commit.next();
        act(w);
        finish(commit);
        const base = readFileSync(w.base('big'));
        const emptied = i === 0 && base.length === 0;
        assert.ok(base.equals(old) || base.equals(mine) || emptied, `action ${i} at step ${step}`);
        if (i === 0) assert.equal(w.size('big'), 0);
        if (i === 1) assert.ok(w.read('moved').equals(mine));
        if (i === 2) assert.deepEqual(w.names(), []);
        finish(w.engine.discard({}));
        assert.ok(w.read('big').equals(base));
        w.close();
        assert.deepEqual(w.changes(), []);
      }
    }
  });
});
