import { strict as assert } from 'node:assert';
import {
  closeSync,
  cpSync,
  existsSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DaemonClient } from '../../src/protocol/client';
import { findHome } from '../../src/protocol/home';
import { methods } from '../../src/protocol/methods';
import { Workspaces } from '../../src/protocol/workspaces';
import { runChecked } from '../support/command';
import { writeThroughMapping } from '../support/mapping';
import { useSandbox } from '../support/sandbox';
import { currentUser, projectDirectory } from '../support/users';

const MiB = 1 << 20;

/** What differs from the kernel driver, and what its library gets wrong. */
describe('fuse-native driver', () => {
  const sandbox = useSandbox('test', currentUser, 'fuse-native');
  let base: string;
  let mount: string;

  beforeEach(async () => {
    base = sandbox().directory('base');
    mkdirSync(`${base}/sub`);
    writeFileSync(`${base}/file`, 'as in the base');
    writeFileSync(`${base}/sub/other`, 'other');
    writeFileSync(`${base}/large`, Buffer.alloc(4 * MiB, 'a'));
    ({ mount } = await sandbox().cowspace.create([base], '--name', 'a', '--mount', sandbox().path('m')));
  });

  async function changedPaths(): Promise<string[]> {
    return (await sandbox().cowspace.status('a')).changes.map(({ kind, path }) => `${kind} ${path}`);
  }

  describe('keeps an open file', () => {
    it('that is removed, and shows it nowhere', async () => {
      const fd = openSync(`${mount}/file`, 'r+');
      try {
        unlinkSync(`${mount}/file`);
        assert.deepEqual(readdirSync(mount).sort(), ['large', 'sub']);
        assert.deepEqual(await changedPaths(), ['whiteout file']);
        writeSync(fd, 'AS', 0);
        assert.equal(readText(fd), 'AS in the base');
        assert.equal(fstatSync(fd).size, 14);
        assert.equal(fstatSync(fd).nlink, 0);
        futimesSync(fd, 1, 2);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      assert.deepEqual(await changedPaths(), ['whiteout file']);
      assert.equal(readFileSync(`${base}/file`, 'utf8'), 'as in the base');
    });

    it('that another takes the place of', async () => {
      const fd = openSync(`${mount}/file`, 'r');
      try {
        writeFileSync(`${mount}/new`, 'new');
        renameSync(`${mount}/new`, `${mount}/file`);
        assert.equal(readText(fd), 'as in the base');
        assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'new');
      } finally {
        closeSync(fd);
      }
      assert.deepEqual(await changedPaths(), ['changed file']);
    });

    it('whose directory is renamed', () => {
      const fd = openSync(`${mount}/sub/other`, 'r+');
      try {
        renameSync(`${mount}/sub`, `${mount}/moved`);
        writeSync(fd, 'O', 0);
        unlinkSync(`${mount}/moved/other`);
        assert.equal(readText(fd), 'Other');
      } finally {
        closeSync(fd);
      }
    });
  });

  describe('shows at once', () => {
    it('what a discard changes', async () => {
      assert(!existsSync(`${mount}/created`));
      writeFileSync(`${mount}/file`, 'AS IN THE BASE');
      writeFileSync(`${mount}/created`, '');
      rmSync(`${mount}/sub`, { recursive: true });
      const before = readdirSync(mount).sort();
      await sandbox().cowspace.discard('a');
      assert.deepEqual(before, ['created', 'file', 'large']);
      assert.deepEqual(readdirSync(mount).sort(), ['file', 'large', 'sub']);
      assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'as in the base');
      assert.equal(readFileSync(`${mount}/sub/other`, 'utf8'), 'other');
      writeFileSync(`${mount}/created`, 'again', { flag: 'wx' });
    });

    it('what a commit leaves', async () => {
      writeFileSync(`${mount}/file`, 'written');
      renameSync(`${mount}/sub`, `${mount}/moved`);
      const { mtimeMs, ino } = statSync(`${mount}/file`);
      await sandbox().cowspace.commit('a');
      assert.equal(readFileSync(`${base}/file`, 'utf8'), 'written');
      assert.equal(readFileSync(`${base}/moved/other`, 'utf8'), 'other');
      assert.deepEqual(readdirSync(mount).sort(), ['file', 'large', 'moved']);
      assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'written');
      assert.equal(statSync(`${mount}/file`).mtimeMs, mtimeMs);
      assert.notEqual(ino, 0);
      assert.deepEqual(await changedPaths(), []);
    });

    it('what a refresh finds in the base', async () => {
      assert(!existsSync(`${mount}/sub/added`));
      writeFileSync(`${base}/sub/added`, 'added');
      rmSync(`${base}/file`);
      const client = await connect();
      await client.request(methods.refresh, {});
      client.dispose();
      assert.equal(readFileSync(`${mount}/sub/added`, 'utf8'), 'added');
      assert(!existsSync(`${mount}/file`));
    });
  });

  it('commits what programs wrote through a shared mapping that they still have', async () => {
    const client = await connect();
    const end = await writeThroughMapping(`${mount}/large`, 5000, 'hello');
    try {
      await client.request(methods.commit, {});
      assert.equal(readFileSync(`${base}/large`).toString('latin1', 5000, 5010), 'helloaaaaa');
    } finally {
      client.dispose();
      await end();
    }
  });

  it('sets both times, to the millisecond', () => {
    utimesSync(`${mount}/file`, 1_000_000_000.25, 1_500_000_000.125);
    const { atimeMs, mtimeMs } = statSync(`${mount}/file`);
    assert.deepEqual([atimeMs, mtimeMs], [1_000_000_000_250, 1_500_000_000_125]);
  });

  it('has the sizes of files beyond 4 GiB, and changes them', () => {
    const size = 5 * 1024 * MiB + 1;
    truncateSync(`${mount}/large`, size);
    const fd = openSync(`${mount}/large`, 'r+');
    try {
      writeSync(fd, 'end', size);
      assert.equal(fstatSync(fd).size, size + 3);
      assert.equal(readText(fd, size), 'end');
      truncateSync(`${mount}/large`, 3);
      assert.equal(readText(fd), 'aaa');
    } finally {
      closeSync(fd);
    }
  });

  it('knows names, links and attributes of every kind that it can pass on', async () => {
    const name = `ünï ${'x'.repeat(240)}`;
    writeFileSync(`${mount}/${name}`, '');
    linkSync(`${mount}/${name}`, `${mount}/sub/link`);
    symlinkSync(`../${name}`, `${mount}/sub/symlink`);
    await runChecked('mkfifo', [`${mount}/sub/fifo`]);
    assert.deepEqual(readdirSync(`${mount}/sub`).sort(), ['fifo', 'link', 'other', 'symlink']);
    const { ino, nlink } = statSync(`${mount}/sub/symlink`);
    assert.deepEqual([ino, nlink], [statSync(`${mount}/sub/link`).ino, 2]);
    await runChecked('setfattr', ['-n', 'user.x', '-v', 'y', `${mount}/file`]);
    const attributes = await runChecked('getfattr', ['--only-values', '-d', `${mount}/file`]);
    assert.equal(attributes, 'y');
    assert.throws(() => statSync(`${mount}/${'x'.repeat(256)}`), { code: 'ENAMETOOLONG' });
  });

  it('refuses names that are no UTF-8, which its library would change', () => {
    const name = Buffer.concat([Buffer.from(`${mount}/`), Buffer.from([0xff])]);
    assert.throws(() => writeFileSync(name, ''), { code: 'EILSEQ' });
    assert.deepEqual(readdirSync(mount).sort(), ['file', 'large', 'sub']);
  });

  it('says what to do where its package is missing', async () => {
    const program = sandbox().directory('program');
    for (const name of ['dist', 'node_modules/koffi', 'node_modules/@koromix'])
      cpSync(join(projectDirectory, name), join(program, name), { recursive: true });
    const args = ['create', base, '--name', 'b', '--driver', 'fuse-native'];
    const { code, stderr } = await sandbox().cowspace.runProgram(process.execPath, [
      join(program, 'dist/cli.js'),
      ...args,
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /fuse-native is not installed.*npm install fuse-native@.*driver kernel/);
    assert.equal((await sandbox().cowspace.list()).length, 1);
  });

  function connect(): Promise<DaemonClient> {
    const home = findHome(sandbox().cowspace.environment);
    return new Workspaces(home, `${projectDirectory}/dist/daemon.js`).connect('a', 'test');
  }
});

function readText(fd: number, position = 0): string {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, position));
}
