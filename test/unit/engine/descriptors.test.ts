import { strict as assert } from 'node:assert';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { getXattrAt, setXattrAt } from '../../../src/sys/xattr';
import { EngineSandbox } from './support/sandbox';

/** More than the engine ever keeps open. */
const DIRECTORIES = 4200;
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

function onFile(directory: string, use: (fd: number) => number): number {
  const fd = openSync(directory, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
