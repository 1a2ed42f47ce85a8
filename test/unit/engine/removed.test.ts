import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../../src/core/node';
import { Stat } from '../../../src/sys/stat';
import { EngineSandbox } from './support/sandbox';

const caller = { uid: 0, gid: 0, umask: 0o022 };

describe('A removed directory that is still open', () => {
  let sandbox: EngineSandbox;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    mkdirSync(join(sandbox.bases[0]!, 'base'));
    mkdirSync(join(sandbox.bases[0]!, 'merged'));
    writeFileSync(join(sandbox.bases[0]!, 'merged/file'), '');
    const { engine } = sandbox;
    engine.mkdir(engine.root, 'created', 0o700, caller);
    engine.unlink(engine.lookup(engine.root, 'merged')!, 'file');
  });

  afterEach(() => {
    sandbox.dispose();
  });

  function held(name: string): Node {
    const { engine } = sandbox;
    const node = engine.lookup(engine.root, name)!;
    engine.remember(node);
    return node;
  }

  function assertGoneButThere(node: Node): void {
    const { engine } = sandbox;
    const stat = new Stat();
    engine.getattr(node, stat);
    assert.equal(stat.nlink, 0);
    engine.list(node, 0, false, () => assert.fail('it has entries'));
    assert.throws(() => engine.mkdir(node, 'x', 0o700, caller), { code: 'ENOENT' });
    const { id } = node;
    engine.forget(id, 1);
    assert.throws(() => engine.node(id), { code: 'ESTALE' });
  }

  for (const name of ['base', 'merged', 'created']) {
    it(`has attributes and no entries after rmdir: ${name}`, () => {
      const node = held(name);
      sandbox.engine.rmdir(sandbox.engine.root, name);
      assertGoneButThere(node);
    });

    it(`has them after another was renamed over it: ${name}`, () => {
      const { engine } = sandbox;
      const node = held(name);
      engine.mkdir(engine.root, 'other', 0o700, caller);
      engine.rename(engine.root, 'other', engine.root, name, 0);
      assertGoneButThere(node);
    });
  }

  it('takes attributes, if it was in the scratch', () => {
    const { engine } = sandbox;
    const node = held('created');
    engine.rmdir(engine.root, 'created');
    engine.setattr(node, { mode: 0o500, mtime: { sec: 1, nsec: 2 } });
    const stat = new Stat();
    engine.getattr(node, stat);
    assert.deepEqual([stat.mode & 0o7777, stat.mtime, stat.mtimeNsec], [0o500, 1, 2]);
  });

  it('has them after its discard, and after a commit removed it from the base', () => {
    const { engine } = sandbox;
    const created = held('created');
    const base = held('base');
    engine.rmdir(engine.root, 'base');
    sandbox.run(engine.discard({ paths: ['created'] }));
    sandbox.run(engine.commit({}));
    assertGoneButThere(created);
    assertGoneButThere(base);
  });
});
