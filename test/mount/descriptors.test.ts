import { strict as assert } from 'node:assert';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { WorkspaceInfo } from '../../src/protocol/messages';
import { useSandbox } from '../support/sandbox';
import { projectDirectory } from '../support/users';

/** What the daemon may open; the programs that use the mount have far more open. */
const DESCRIPTORS = 128;
const DIRECTORIES = 100;
const LARGE = 20;
const MIB = 1 << 20;

describe('a daemon that has few file descriptors', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();
  const open: number[] = [];

  afterEach(() => {
    for (const fd of open.splice(0)) closeSync(fd);
  });

  async function create(base: string): Promise<WorkspaceInfo> {
    const { cowspace } = sandbox();
    const args = ['create', base, '--name', 'few', '--driver', 'kernel', '--json'];
    const limit = `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`;
    const cli = join(projectDirectory, 'dist/cli.js');
    const { code, stdout, stderr } = await cowspace.runProgram('prlimit', [
      limit,
      process.execPath,
      cli,
      ...args,
    ]);
    assert.equal(code, 0, stderr);
    const info = JSON.parse(stdout) as WorkspaceInfo;
    const limits = readFileSync(`/proc/${info.pid!}/limits`, 'utf8');
    assert.match(limits, new RegExp(`^Max open files +${DESCRIPTORS} +${DESCRIPTORS} `, 'm'));
    return info;
  }

  function makeBase(): string {
    const base = sandbox().directory('base');
    for (let i = 0; i < DIRECTORIES; i++) {
      mkdirSync(join(base, `d${i}`));
      for (const name of ['read', 'written', 'gone'])
        writeFileSync(join(base, `d${i}`, name), `${name} ${i}`);
    }
    for (let i = 0; i < LARGE; i++) writeFileSync(join(base, `large${i}`), Buffer.alloc(MIB + 1, 'b'));
    return base;
  }

  function keepOpen(path: string, flags: string): number {
    const fd = openSync(path, flags);
    open.push(fd);
    return fd;
  }

  it('serves programs that have many files open, written, unlinked or renamed', async () => {
    const base = makeBase();
    const { mount } = await create(base);
    const files: { fd: number; text: string }[] = [];
    for (let i = 0; i < DIRECTORIES; i++) {
      const directory = join(mount, `d${i}`);
      files.push({ fd: keepOpen(join(directory, 'read'), 'r'), text: `read ${i}` });
      const written = keepOpen(join(directory, 'written'), 'r+');
      writeSync(written, `WRITTEN ${i}`, 0);
      files.push({ fd: written, text: `WRITTEN ${i}` });
      const made = keepOpen(join(directory, 'made'), 'w+');
      writeSync(made, `made ${i}`);
      unlinkSync(join(directory, 'made'));
      files.push({ fd: made, text: `made ${i}` });
      files.push({ fd: keepOpen(join(directory, 'gone'), 'r'), text: `gone ${i}` });
      unlinkSync(join(directory, 'gone'));
      renameSync(directory, join(mount, `moved${i}`));
    }
    for (let i = 0; i < LARGE; i++) {
      const fd = keepOpen(join(mount, `large${i}`), 'r+');
      writeSync(fd, `LARGE ${i}`, 4096 * i);
    }
    for (const { fd, text } of files) assert.equal(contents(fd), text);
    // What is unlinked can still be written, cut and looked at.
    for (const { fd } of files.filter(({ text }) => text.startsWith('made'))) {
      ftruncateSync(fd, 2);
      writeSync(fd, 'ke', 2);
      assert.equal(contents(fd), 'make');
    }
    for (let i = 0; i < LARGE; i++) {
      const bytes = readFileSync(join(mount, `large${i}`));
      const at = 4096 * i;
      assert.equal(bytes.toString('utf8', at, at + `LARGE ${i}`.length), `LARGE ${i}`);
      assert.equal(bytes.length, MIB + 1);
    }
    const { changes } = await sandbox().cowspace.status('few');
    assert.equal(changes.length, DIRECTORIES * 3 + LARGE);
    await sandbox().cowspace.commit('few');
    assert.deepEqual((await sandbox().cowspace.status('few')).changes, []);
    assert.deepEqual(readdirSync(join(base, 'moved7')).sort(), ['read', 'written']);
    assert.equal(readFileSync(join(base, 'moved7/written'), 'utf8'), 'WRITTEN 7');
    for (const { fd, text } of files.filter(({ text: each }) => !each.startsWith('made')))
      assert.equal(contents(fd), text);
    for (const fd of open.splice(0)) closeSync(fd);
    await sandbox().cowspace.json(['unmount', 'few']);
    assert.deepEqual(readdirSync(join(sandbox().cowspace.home, 'workspaces/few/scratch/work')), []);
  });
});

function contents(fd: number): string {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
}
