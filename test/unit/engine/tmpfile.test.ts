import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Node } from '../../../src/core/node';
import { S_IFREG, Stat } from '../../../src/sys/stat';
import { EngineSandbox } from './support/sandbox';

const caller = { uid: process.getuid!(), gid: process.getgid!(), umask: 0o027 };

describe('A file without a name', () => {
  let sandbox: EngineSandbox;
  let base: string;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    mkdirSync(join(base, 'dir'));
    writeFileSync(join(base, 'dir/file'), 'the base has it');
  });

  afterEach(() => {
    sandbox.dispose();
  });

  function directory(): Node {
    return sandbox.engine.lookup(sandbox.engine.root, 'dir')!;
  }

  /** A new file that somebody has open. */
  function made(mode = 0o600): Node {
    const { engine } = sandbox;
    const node = engine.tmpfile(directory(), mode, caller);
    engine.remember(node);
    engine.write(node, Buffer.from('nameless'), 8, 0);
    return node;
  }

  function stat(node: Node): Stat {
    const out = new Stat();
    sandbox.engine.getattr(node, out);
    return out;
  }

  function listed(): string[] {
    const { changes } = sandbox.engine;
    sandbox.run(changes.update());
    return changes.list().changes.map(({ kind, path, size }) => `${kind} ${path} ${size}`);
  }

  function inScratch(folder: string): string[] {
    return readdirSync(join(sandbox.scratch, folder));
  }

  it('has what a file of its directory would have, no link, and a place in the scratch only', () => {
    const { mode, nlink, uid, gid, size } = stat(made(0o4666));
    assert.deepEqual([mode, nlink, uid, gid, size], [S_IFREG | 0o4640, 0, caller.uid, caller.gid, 8]);
    assert.deepEqual(listed(), []);
    assert.deepEqual([...inScratch('upper'), ...inScratch('work')], []);
  });

  it('leaves the memory and the disk with who had it open', () => {
    const { engine } = sandbox;
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    engine.forget(made().id, 1);
    const before = descriptors();
    const { id } = made();
    engine.forget(id, 1);
    assert.throws(() => engine.node(id), { code: 'ESTALE' });
    assert.equal(descriptors(), before);
  });

  it('is created where it gets a name, and stays what it was', () => {
    const { engine } = sandbox;
    const node = made();
    const { ino } = stat(node);
    engine.link(node, directory(), 'named');
    engine.link(node, engine.root, 'second');
    assert.equal(engine.lookup(directory(), 'named'), node);
    engine.write(node, Buffer.from('s'), 1, 7);
    assert.deepEqual([stat(node).ino, stat(node).nlink], [ino, 2]);
    assert.deepEqual(listed(), ['created dir/named 8', 'created second 8']);
    engine.forget(node.id, 1);
    sandbox.close();
    assert.deepEqual(listed(), ['created dir/named 8', 'created second 8']);
    assert.equal(sandbox.mount.read('second').toString(), 'nameless');
    assert.equal(sandbox.mount.stat('dir/named').ino, ino);
    sandbox.run(sandbox.engine.commit({}));
    assert.equal(readFileSync(join(base, 'dir/named'), 'utf8'), 'nameless');
  });

  for (const whiteouts of ['device', 'xattr'] as const) {
    it(`takes the place of a whiteout (${whiteouts}) as any other new file`, () => {
      if (whiteouts === 'xattr') sandbox.presetXattrWhiteouts();
      const { engine } = sandbox;
      engine.unlink(directory(), 'file');
      engine.link(made(), directory(), 'file');
      assert.deepEqual(inScratch('work'), []);
      assert.deepEqual(listed(), ['changed dir/file 8']);
      sandbox.close();
      assert.equal(sandbox.mount.read('dir/file').toString(), 'nameless');
      assert.deepEqual(sandbox.run(sandbox.engine.commit({})).conflicts, []);
      assert.equal(readFileSync(join(base, 'dir/file'), 'utf8'), 'nameless');
    });
  }

  it('that replaced a base file is a conflict when that one changed meanwhile', () => {
    const { engine } = sandbox;
    engine.unlink(directory(), 'file');
    engine.link(made(), directory(), 'file');
    writeFileSync(join(base, 'dir/file'), 'somebody wrote to the base');
    const conflicts = (): string[] =>
      sandbox.run(sandbox.engine.commit({ dryRun: true })).conflicts.map(({ path }) => path);
    assert.deepEqual(conflicts(), ['dir/file']);
    sandbox.close();
    assert.deepEqual(conflicts(), ['dir/file']);
  });

  it('gets no name that is taken, and can have another', () => {
    const { engine } = sandbox;
    const node = made();
    assert.throws(() => engine.link(node, directory(), 'file'), { code: 'EEXIST' });
    engine.link(node, directory(), 'free');
    assert.equal(stat(node).nlink, 1);
  });

  it('gets none once it lost the one it had, like any file', () => {
    const { engine } = sandbox;
    const node = made();
    engine.link(node, directory(), 'named');
    engine.unlink(directory(), 'named');
    const file = engine.lookup(directory(), 'file')!;
    engine.remember(file);
    engine.unlink(directory(), 'file');
    for (const each of [node, file]) {
      assert.equal(stat(each).nlink, 0);
      assert.throws(() => engine.link(each, directory(), 'again'), { code: 'ENOENT' });
    }
    assert.deepEqual(listed(), ['whiteout dir/file 15']);
  });

  it('is gone after a crash', () => {
    made();
    sandbox.abandon();
    assert.deepEqual(listed(), []);
    assert.deepEqual([...inScratch('work'), ...inScratch('upper')], []);
  });

  it('is not made for a directory that was removed', () => {
    const { engine } = sandbox;
    const node = engine.mkdir(engine.root, 'removed', 0o700, caller);
    engine.remember(node);
    engine.rmdir(engine.root, 'removed');
    assert.throws(() => engine.tmpfile(node, 0o600, caller), { code: 'EPERM' });
  });

  it('inherits the group and the access control list of its directory', function () {
    if (userInfo().uid !== 0) this.skip();
    execFileSync('chown', [':1234', join(base, 'dir')]);
    chmodSync(join(base, 'dir'), 0o2775);
    execFileSync('setfacl', ['-d', '-m', 'u:1000:rwx,g::r,o::-', join(base, 'dir')]);
    const { engine } = sandbox;
    const node = made(0o666);
    const { mode, gid } = stat(node);
    assert.deepEqual([mode & 0o7777, gid], [0o660, 1234]);
    const named = engine.mknod(directory(), 'named', S_IFREG | 0o666, 0, caller);
    const [acl, expected] = [node, named].map((each) => {
      const bytes = Buffer.alloc(100);
      return bytes.subarray(0, engine.getxattr(each, 'system.posix_acl_access', bytes));
    });
    assert.deepEqual(acl, expected);
    assert(acl!.length > 0);
  });
});
