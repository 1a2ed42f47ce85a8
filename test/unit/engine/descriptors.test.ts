import { strict as assert } from 'node:assert';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { getXattrAt, setXattrAt } from '../../../src/sys/xattr';
import { EngineSandbox } from './support/sandbox';

/** More than the engine ever keeps open. */
const DIRECTORIES = 4200;
/** More than the engine keeps by a descriptor when they lose their names. */
const FILES = 1100;
/** Bytes that are written in several steps. */
const SIZE = 40 << 20;

describe('descriptors of directories', () => {
  it('may be closed while a commit writes a file in steps', function () {
    this.timeout(30_000);
    const sandbox = new EngineSandbox();
    try {
      const base = sandbox.bases[0]!;
      for (let i = 0; i < DIRECTORIES; i++) mkdirSync(`${base}/d${i}`);
      const { mount, engine } = sandbox;
      mount.mkdir('dir', 0o755);
      mount.mknod('dir/file', 0o100644, 0);
      mount.write('dir/file', 0, Buffer.alloc(1 << 20, 'x'));
      mount.truncate('dir/file', SIZE);
      onFile(`${sandbox.scratch}/upper/dir`, (fd) =>
        setXattrAt(fd, 'file', 'user.test', Buffer.from('kept')),
      );
      let steps = 0;
      sandbox.run(engine.commit({}), () => {
        if (!existsSync(`${base}/dir`)) return;
        // Looking for something in a directory opens it, and what the kernel knows stays open.
        for (let i = 0; i < DIRECTORIES; i++) {
          const directory = engine.lookup(engine.root, `d${i}`)!;
          engine.remember(directory);
          assert.equal(engine.lookup(directory, 'none'), null);
        }
        steps++;
      });
      assert.ok(steps > 1, `${steps} steps`);
      const value = Buffer.alloc(4);
      assert.equal(
        onFile(`${base}/dir`, (fd) => getXattrAt(fd, 'file', 'user.test', value)),
        4,
      );
      assert.equal(value.toString(), 'kept');
    } finally {
      sandbox.dispose();
    }
  });
});

describe('descriptors of directories that are gone', () => {
  it('are given back', () => {
    const sandbox = new EngineSandbox();
    try {
      const { mount, engine } = sandbox;
      const paths = Array.from({ length: 50 }, (_, i) => `d${i}`).flatMap((path) => [path, `${path}/sub`]);
      const makeAndRemove = (): number => {
        for (const path of paths) mount.mkdir(path, 0o755);
        for (const path of paths) mount.mknod(`${path}/file`, 0o100644, 0);
        sandbox.run(engine.commit({}));
        for (const path of paths) mount.unlink(`${path}/file`);
        sandbox.run(engine.commit({}));
        for (const path of paths.toReversed()) mount.rmdir(path);
        sandbox.run(engine.commit({}));
        sandbox.run(engine.changes.update());
        return readdirSync('/proc/self/fd').length;
      };
      const before = makeAndRemove();
      assert.equal(makeAndRemove(), before);
    } finally {
      sandbox.dispose();
    }
  });
});

describe('descriptors of files without a name', () => {
  const caller = { uid: 0, gid: 0, umask: 0 };
  let sandbox: EngineSandbox;

  beforeEach(() => (sandbox = new EngineSandbox()));
  afterEach(() => sandbox.dispose());

  it('are no more, once many were made and closed, than before', () => {
    const { engine } = sandbox;
    for (let i = 0; i < FILES; i++) {
      const node = engine.tmpfile(engine.root, 0o644, caller);
      engine.remember(node);
      engine.forget(node.id, 1);
    }
    unlinkOpen(FILES);
    assert.notDeepEqual(parked(), []);
  });

  it('are given back by those that got one', () => {
    const { engine } = sandbox;
    for (let i = 0; i < FILES; i++) {
      const node = engine.tmpfile(engine.root, 0o644, caller);
      engine.remember(node);
      engine.link(node, engine.root, `linked${i}`);
    }
    unlinkOpen(1);
    assert.deepEqual(parked(), []);
  });

  function unlinkOpen(count: number): void {
    const { engine } = sandbox;
    for (let i = 0; i < count; i++) {
      engine.remember(engine.mknod(engine.root, `open${i}`, 0o100644, 0, caller));
      engine.unlink(engine.root, `open${i}`);
    }
  }

  /** Those for which the engine keeps a name in place of a descriptor. */
  function parked(): string[] {
    return readdirSync(`${sandbox.scratch}/work`);
  }
});

function onFile(directory: string, use: (fd: number) => number): number {
  const fd = openSync(directory, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
