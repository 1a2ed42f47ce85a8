import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import type { DaemonClient } from '../../src/protocol/client';
import { findHome } from '../../src/protocol/home';
import { methods } from '../../src/protocol/methods';
import { Workspaces } from '../../src/protocol/workspaces';
import { E } from '../../src/sys/errno';
import { AT_FDCWD, linkFd, lseek, O_RDWR, O_TMPFILE, SEEK_DATA, SEEK_HOLE } from '../../src/sys/file';
import { runChecked } from '../support/command';
import { writeThroughMapping } from '../support/mapping';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { projectDirectory } from '../support/users';

const MiB = 1 << 20;

/** What the kernel does by itself with a mount, and what it must be told. */
describe('kernel driver', () => {
  const sandbox = useSandbox();
  let base: string;
  let mount: string;
  let scratch: string;

  beforeEach(async () => {
    base = sandbox().directory('base');
    mkdirSync(`${base}/sub`);
    writeFileSync(`${base}/changed`, 'as in the base');
    writeFileSync(`${base}/large`, Buffer.alloc(MiB));
    writeFileSync(`${base}/removed`, '');
    const options = ['--name', 'a', '--mount', sandbox().path('m')];
    ({ mount, scratch } = await sandbox().cowspace.create([base], ...options));
  });

  it('tells watchers of a discard also when other programs find before what it brings back', async () => {
    linkSync(`${base}/changed`, `${base}/linked`);
    for (const name of ['changed', 'large']) {
      writeFileSync(`${mount}/new`, 'something much longer than the base has');
      renameSync(`${mount}/new`, `${mount}/${name}`);
    }
    rmdirSync(`${mount}/sub`);
    statSync(`${mount}/linked`);
    const finder = spawn('sh', ['-c', 'while :; do ls -la; done'], { cwd: mount, stdio: 'ignore' });
    try {
      await discardWatched(['changed', 'large', 'sub']);
    } finally {
      finder.kill();
      await once(finder, 'exit');
    }
    assert.equal(statSync(`${mount}/changed`).nlink, 2);
    assert.deepEqual(readdirSync(mount).sort(), ['changed', 'large', 'linked', 'removed', 'sub']);
    assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
  });

  it('tells watchers what a discard changes', async () => {
    writeFileSync(`${mount}/changed`, 'something much longer than the base has');
    unlinkSync(`${mount}/removed`);
    mkdirSync(`${mount}/created`);
    await discardWatched(['changed', 'removed', 'created']);
    assert.equal(readFileSync(`${mount}/changed`, 'utf8'), 'as in the base');
    assert(existsSync(`${mount}/removed`));
    assert(!existsSync(`${mount}/created`));
    assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
  });

  /** Discards all, and waits until a watcher has been told of these names. */
  async function discardWatched(names: readonly string[]): Promise<void> {
    const seen = new Set<string>();
    const watcher = watch(mount, (event, name) => seen.add(`${event} ${name ?? ''}`));
    try {
      await sandbox().cowspace.discard('a');
      await until(
        () => `watchers saw ${[...seen].join(', ')}`,
        () => names.every((name) => seen.has(`rename ${name}`)),
      );
    } finally {
      watcher.close();
    }
  }

  it('shows after a refresh what was added to the base, also under names that were looked for before', async () => {
    const added = ['added', 'sub/added'];
    for (const path of added) assert(!existsSync(`${mount}/${path}`));
    for (const path of added) writeFileSync(`${base}/${path}`, 'new in the base');
    const client = await connect();
    await client.request(methods.refresh, {});
    client.dispose();
    for (const path of added) assert.equal(readFileSync(`${mount}/${path}`, 'utf8'), 'new in the base');
  });

  it('keeps the working directory of programs through a refresh', async () => {
    const client = await connect();
    const before = process.cwd();
    process.chdir(`${mount}/sub`);
    try {
      await client.request(methods.refresh, {});
      const where = await runChecked(process.execPath, ['-p', 'process.cwd()']);
      assert.equal(where.trim(), `${mount}/sub`);
    } finally {
      process.chdir(before);
      client.dispose();
    }
  });

  it('commits what programs wrote through a shared mapping that they still have', async () => {
    const end = await writeThroughMapping(`${mount}/changed`, 3, 'IN');
    try {
      await sandbox().cowspace.commit('a');
      assert.equal(readFileSync(`${base}/changed`, 'utf8'), 'as IN the base');
    } finally {
      await end();
    }
  });

  it('finds data and holes that the kernel has not written back', () => {
    const fd = openSync(`${mount}/sparse`, 'w+');
    try {
      writeSync(fd, 'data', 2 * MiB);
      truncateSync(`${mount}/sparse`, 4 * MiB);
      assert.equal(lseek(fd, 0, SEEK_DATA), 2 * MiB);
      assert.equal(lseek(fd, 2 * MiB, SEEK_HOLE), 2 * MiB + 4096);
      assert.equal(lseek(fd, 3 * MiB, SEEK_DATA), -E.ENXIO);
      writeSync(fd, 'data', 3 * MiB);
      assert.equal(lseek(fd, 2 * MiB + 4096, SEEK_DATA), 3 * MiB);
    } finally {
      closeSync(fd);
    }
  });

  it('stores the time that programs see of a file that they write several times in a row', () => {
    const files = Array.from({ length: 100 }, (_, i) => `file${i}`);
    for (const file of files) {
      for (const text of ['one', 'two', 'three']) appendFileSync(`${mount}/${file}`, text);
    }
    const mtime = (path: string): bigint => statSync(path, { bigint: true }).mtimeNs;
    const differing = files.filter((file) => mtime(`${mount}/${file}`) !== mtime(`${scratch}/upper/${file}`));
    // Some writes may reach the daemon too late, when the machine is busy.
    assert(
      differing.length < files.length / 5,
      `${differing.length} of ${files.length} files have another time`,
    );
  });

  it('takes set-id bits away with a change of owner, as every file system does', function () {
    if (userInfo().uid !== 0) this.skip();
    writeFileSync(`${mount}/program`, '');
    chmodSync(`${mount}/program`, 0o6755);
    appendFileSync(`${mount}/program`, 'root may write and keep them');
    assert.equal(statSync(`${mount}/program`).mode & 0o7777, 0o6755);
    chownSync(`${mount}/program`, 65534, 65534);
    assert.equal(statSync(`${mount}/program`).mode & 0o7777, 0o755);
  });

  it('keeps a file that was made without a name and got one, and no other, when the daemon dies', async () => {
    const { cowspace } = sandbox();
    const open = (): number => openSync(`${mount}/sub`, O_TMPFILE | O_RDWR, 0o640);
    const [named, nameless] = [open(), open()];
    for (const fd of [named, nameless]) writeSync(fd, 'written');
    // Written back with its last descriptor.
    assert.equal(linkFd(named, AT_FDCWD, `${mount}/sub/named`), 0);
    closeSync(named);
    const [info] = await cowspace.list();
    await cowspace.mountAfterCrash(info!);
    closeSync(nameless);
    assert.equal(readFileSync(`${mount}/sub/named`, 'utf8'), 'written');
    const { changes } = await cowspace.status('a');
    assert.deepEqual(
      changes.map(({ kind, path }) => ({ kind, path })),
      [{ kind: 'created', path: 'sub/named' }],
    );
    assert.deepEqual(readdirSync(`${info!.scratch}/work`), []);
  });

  it('copies up no file of which only the name changes', async () => {
    renameSync(`${mount}/large`, `${mount}/moved`);
    const { changes } = await sandbox().cowspace.status('a');
    assert.deepEqual(
      changes.map(({ kind, path }) => ({ kind, path })),
      [{ kind: 'renamed', path: 'moved' }],
    );
    assert(changes[0]!.storedBytes < MiB / 2);
  });

  function connect(): Promise<DaemonClient> {
    const home = findHome(sandbox().cowspace.environment);
    return new Workspaces(home, `${projectDirectory}/dist/daemon.js`).connect('a', 'test');
  }
});
