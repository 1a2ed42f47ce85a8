import { strict as assert } from 'node:assert';
import { linkSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../../src/core/node';
import { S_IFREG, Stat } from '../../../src/sys/stat';
import { EngineSandbox } from './support/sandbox';

const caller = { uid: 0, gid: 0, umask: 0 };

describe('The identity of files', () => {
  let sandbox: EngineSandbox;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    const base = sandbox.bases[0]!;
    mkdirSync(join(base, 'directory/sub'), { recursive: true });
    writeFileSync(join(base, 'directory/file'), 'base');
    symlinkSync('file', join(base, 'directory/symlink'));
    writeFileSync(join(base, 'first'), 'base');
    linkSync(join(base, 'first'), join(base, 'directory/second'));
  });

  afterEach(() => {
    sandbox.dispose();
  });

  function baseIno(path: string): number {
    return lstatSync(join(sandbox.bases[0]!, path)).ino;
  }

  /** Inode number and link count as the engine gives them now, not as the kernel may have kept them. */
  function identity(path: string): { ino: number; nlink: number } {
    const { mount } = sandbox;
    mount.dropCaches();
    const { ino, nlink } = mount.stat(path);
    return { ino, nlink };
  }

  /** Makes a change, and closes and opens the engine, and looks at the path after each. */
  function assertKeeps(path: string, change: () => void, ino: number, nlink: number, now = path): void {
    assert.deepEqual(identity(path), { ino, nlink }, 'before');
    change();
    assert.deepEqual(identity(now), { ino, nlink }, 'after the change');
    sandbox.close();
    assert.deepEqual(identity(now), { ino, nlink }, 'after a remount');
  }

  it('is that of the base after copy-up: a file', () => {
    const write = (): void => {
      sandbox.mount.write('directory/file', 0, Buffer.from('new!'));
    };
    assertKeeps('directory/file', write, baseIno('directory/file'), 1);
  });

  it('is that of the base after copy-up: a symbolic link', () => {
    const touch = (): void => {
      sandbox.mount.utimes('directory/symlink', 1, 0);
    };
    assertKeeps('directory/symlink', touch, baseIno('directory/symlink'), 1);
  });

  it('is that of the base after copy-up: a directory', () => {
    const ino = baseIno('directory');
    assert.equal(identity('directory').ino, ino);
    sandbox.mount.chmod('directory', 0o700);
    assert.deepEqual(identity('directory'), { ino, nlink: 1 });
    sandbox.close();
    assert.deepEqual(identity('directory'), { ino, nlink: 1 });
  });

  it('is that of the base after a rename', () => {
    const rename = (): void => {
      sandbox.mount.rename('directory/file', 'renamed', 0);
    };
    assertKeeps('directory/file', rename, baseIno('directory/file'), 1, 'renamed');
  });

  it('is that of the base in a renamed directory', () => {
    const ino = baseIno('directory');
    const rename = (): void => {
      sandbox.mount.rename('directory', 'renamed', 0);
    };
    assertKeeps('directory/file', rename, baseIno('directory/file'), 1, 'renamed/file');
    assert.equal(identity('renamed').ino, ino);
  });

  for (const path of ['first', 'directory/second']) {
    it(`is one for all names of a base file, written as ${path}`, () => {
      const ino = baseIno('first');
      const write = (): void => {
        sandbox.mount.write(path, 0, Buffer.from('new!'));
      };
      assertKeeps(path, write, ino, 2);
      assert.deepEqual(identity('first'), { ino, nlink: 2 });
      assert.deepEqual(identity('directory/second'), { ino, nlink: 2 });
      assert.equal(sandbox.mount.read('first').toString(), 'new!');
      assert.equal(sandbox.mount.read('directory/second').toString(), 'new!');
    });
  }

  it('counts names that come and go', () => {
    const { mount } = sandbox;
    const ino = baseIno('first');
    mount.link('first', 'third');
    assert.deepEqual(identity('directory/second'), { ino, nlink: 3 });
    mount.unlink('first');
    assert.deepEqual(identity('third'), { ino, nlink: 2 });
    mount.mknod('created', S_IFREG | 0o600, 0);
    const created = identity('created').ino;
    mount.link('created', 'linked');
    assertKeeps('created', () => undefined, created, 2);
    sandbox.mount.unlink('created');
    assert.deepEqual(identity('linked'), { ino: created, nlink: 1 });
  });

  for (const written of [false, true]) {
    it(`stays of a removed file that is open, ${written ? 'copied up' : 'still the base’s'}`, () => {
      const { mount } = sandbox;
      const ino = baseIno('directory/file');
      if (written) mount.write('directory/file', 0, Buffer.from('new!'));
      mount.open('@1', 'directory/file');
      mount.unlink('directory/file');
      mount.mknod('directory/file', S_IFREG | 0o600, 0);
      const { ino: now, nlink } = mount.stat('@1');
      assert.deepEqual({ now, nlink }, { now: ino, nlink: 0 });
      assert.equal(mount.read('@1').toString(), written ? 'new!' : 'base');
      mount.write('@1', 4, Buffer.from('more'));
      assert.equal(mount.read('@1').toString(), written ? 'new!more' : 'basemore');
      assert.equal(mount.stat('@1').ino, ino);
      assert.notEqual(mount.stat('directory/file').ino, ino);
      mount.closeHandles();
    });
  }

  it('is the same in listings: d_ino is st_ino', () => {
    const { mount } = sandbox;
    mount.write('directory/file', 0, Buffer.from('new!'));
    mount.chmod('directory/sub', 0o700);
    mount.mkdir('directory/created', 0o700);
    mount.rename('first', 'directory/moved', 0);
    const names = ['created', 'file', 'moved', 'second', 'sub', 'symlink'];
    for (const again of [false, true]) {
      if (again) sandbox.close();
      for (const withNodes of [false, true]) {
        const listed = listNumbers('directory', withNodes);
        assert.deepEqual([...listed.keys()].sort(), names);
        for (const [name, ino] of listed) assert.equal(ino, identity(`directory/${name}`).ino, name);
      }
    }
  });

  function listNumbers(name: string, withNodes: boolean): Map<string, number> {
    const { engine } = sandbox;
    const numbers = new Map<string, number>();
    const directory = engine.lookup(engine.root, name)!;
    engine.list(directory, 0, withNodes, (each, _node, ino) => {
      numbers.set(each, ino);
      return true;
    });
    return numbers;
  }

  it('has the group of a setgid directory, and a new directory the bit', function () {
    if (process.getuid?.() !== 0) this.skip();
    const { engine } = sandbox;
    const made = engine.mkdir(engine.root, 'shared', 0o755, caller);
    engine.setattr(made, { gid: 4242 });
    engine.setattr(made, { mode: 0o2755 });
    const sub = engine.mkdir(made, 'sub', 0o755, caller);
    const deep = engine.mknod(sub, 'file', S_IFREG | 0o644, 0, { ...caller, gid: 7 });
    assert.deepEqual(ownerOf(sub), { gid: 4242, mode: 0o2755 });
    assert.deepEqual(ownerOf(deep), { gid: 4242, mode: 0o644 });
  });

  function ownerOf(node: Node): { gid: number; mode: number } {
    const stat = new Stat();
    sandbox.engine.getattr(node, stat);
    return { gid: stat.gid, mode: stat.mode & 0o7777 };
  }
});
