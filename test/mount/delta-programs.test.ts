import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { WorkspaceInfo } from '../../src/protocol/messages';
import { runChecked } from '../support/command';
import { untilEnded } from '../support/processes';
import { useSandbox } from '../support/sandbox';

const BLOCK = 4096;
const MIB = 1 << 20;

/** How fio writes, each in a file of its own. */
const engines = {
  psync: ['--bsrange=512-40k'],
  mmap: ['--bsrange=4k-32k'],
  libaio: ['--direct=1', '--iodepth=8', '--bsrange=4k-64k'],
  io_uring: ['--iodepth=8', '--bsrange=4k-32k'],
};
const FIO_SIZE = 48 * MIB;

describe('programs that write to large files in a mount', function () {
  this.timeout(120_000);
  const sandbox = useSandbox('suite');
  let base: string;
  let workspace: WorkspaceInfo;
  const hashes = new Map<string, string>();

  before('make base files and a workspace', async () => {
    base = sandbox().directory('base');
    for (const engine of Object.keys(engines))
      writeFileSync(join(base, engine), Buffer.alloc(FIO_SIZE, engine));
    if (has('sqlite3', '--version')) await makeDatabase(join(base, 'data.db'));
    if (has('qemu-img', '--version')) await makeDiskImage(join(base, 'disk.qcow2'));
    writeFileSync(join(base, 'file'), Buffer.alloc(64 * MIB, 'b'));
    for (const name of readdirSync(base)) hashes.set(join(base, name), await hashOf(join(base, name)));
    workspace = await sandbox().cowspace.create([base], '--name', 'a');
  });

  /** A file's path in the mount. */
  function mounted(name: string): string {
    return join(workspace.mount, name);
  }

  /** Ends the daemon as a crash would, and mounts again. */
  async function killDaemon(): Promise<void> {
    workspace = await sandbox().cowspace.mountAfterCrash(workspace);
  }

  function needs(context: Mocha.Context, program: string, ...args: string[]): void {
    if (has(program, ...args)) return;
    console.log(`      skipped: ${program} is missing, or cannot do that here`);
    context.skip();
  }

  /** Bytes that the scratch holds for a file. */
  async function storedBytes(name: string): Promise<number> {
    const { changes } = await sandbox().cowspace.status('a');
    return changes.find(({ path }) => path === name)?.storedBytes ?? 0;
  }

  describe('fio writes and verifies', () => {
    for (const [engine, options] of Object.entries(engines)) {
      it(`with ${engine}, also after the daemon was killed`, async function () {
        const probe = ['--name=p', '--size=64k', `--filename=${sandbox().path('probe')}`];
        needs(this, 'fio', ...probe, `--ioengine=${engine}`);
        const job = [
          '--name=a',
          `--filename=${mounted(engine)}`,
          `--size=${FIO_SIZE}`,
          `--io_size=${FIO_SIZE / 8}`,
          '--rw=randwrite',
          '--verify=crc32c',
          '--verify_fatal=1',
          '--end_fsync=1',
          '--verify_state_save=0',
          `--ioengine=${engine}`,
          ...options,
        ];
        await runChecked('fio', job);
        await killDaemon();
        await runChecked('fio', [...job, '--verify_only=1']);
        const stored = await storedBytes(engine);
        assert.ok(stored > FIO_SIZE / 16 && stored < FIO_SIZE / 2, `${stored} bytes are stored`);
      });
    }
  });

  describe('sqlite works on a database of 300 MB', () => {
    before(function () {
      needs(this, 'sqlite3', '--version');
    });

    for (const mode of ['DELETE', 'TRUNCATE', 'WAL']) {
      it(`with its journal in mode ${mode}, also after the daemon was killed`, async () => {
        const transaction = (i: number): string =>
          `BEGIN; UPDATE small SET text = hex(randomblob(50)) WHERE n % 100 = ${i};` +
          `INSERT INTO small(n, text) VALUES(${100000 + i}, '${mode}'); DELETE FROM small WHERE n = ${i * 3};` +
          `UPDATE big SET bytes = randomblob(999990) WHERE id = ${1 + (i % 300)}; COMMIT;`;
        const transactions = Array.from({ length: 10 }, (_, i) => transaction(i));
        const prepare = `PRAGMA journal_mode = ${mode}; PRAGMA synchronous = FULL;`;
        const file = mounted('data.db');
        await sql(file, prepare + transactions.slice(0, 5).join(''));
        await killDaemon();
        await sql(file, prepare + transactions.slice(5).join(''));
        assert.equal(await sql(file, 'PRAGMA quick_check;'), 'ok\n');
        assert.equal(await sql(file, `SELECT count(*) FROM small WHERE text = '${mode}';`), '10\n');
      });
    }

    it('and finds it whole, with little of it in the scratch', async () => {
      assert.equal(await sql(mounted('data.db'), 'PRAGMA integrity_check;'), 'ok\n');
      const stored = await storedBytes('data.db');
      assert.ok(stored < 60 * MIB, `${stored} bytes are stored`);
    });
  });

  it('a disk image stays sound for qemu, also after the daemon was killed', async function () {
    needs(this, 'qemu-img', '--version');
    const image = mounted('disk.qcow2');
    await io(image, 'write -P 0x22 1M 64k', 'write -P 0x23 200M 1M', 'discard 100M 1M', 'flush');
    await runChecked('qemu-img', ['snapshot', '-c', 'before', image]);
    await io(image, 'write -P 0x24 1M 4k', 'aio_write -P 0x25 5M 300k', 'aio_flush', 'flush');
    await killDaemon();
    await runChecked('qemu-img', ['check', image]);
    await io(
      image,
      'read -P 0x24 1M 4k',
      'read -P 0x22 1028k 60k',
      'read -P 0x25 5M 300k',
      'read -P 0x23 200M 1M',
      'read -P 0x11 6M 18M',
    );
    await runChecked('qemu-img', ['snapshot', '-a', 'before', image]);
    await runChecked('qemu-img', ['check', image]);
    assert.match(await io(image, 'read -P 0x22 1M 64k'), /read 65536/);
    await runChecked('qemu-img', ['check', join(base, 'disk.qcow2')]);
  });

  it('all that was synced or closed is there when the daemon is killed while it is written to', async () => {
    for (let round = 0; round < 3; round++) {
      const expected = readFileSync(mounted('file'));
      const pid = workspace.pid!;
      const timer = setTimeout(() => process.kill(pid, 'SIGKILL'), 20 + Math.random() * 150);
      const pending = await writeUntilItFails(mounted('file'), expected, round);
      clearTimeout(timer);
      await untilEnded([pid]);
      workspace = await sandbox().cowspace.mount('a');
      const found = readFileSync(mounted('file'));
      // What was under way may be there or not.
      found.copy(expected, pending, pending, pending + BLOCK);
      assert.ok(found.equals(expected), `round ${round}: a write is lost`);
    }
  });

  /** Writes block after block and notes each in `expected`; returns the offset of the write that failed. */
  async function writeUntilItFails(file: string, expected: Buffer, seed: number): Promise<number> {
    for (let i = 0; ; i++) {
      const offset = ((i * 7919 + seed * 31) % (expected.length / BLOCK)) * BLOCK;
      const bytes = Buffer.alloc(BLOCK, 1 + ((i + seed) % 255));
      try {
        const fd = openSync(file, 'r+');
        try {
          writeSync(fd, bytes, 0, BLOCK, offset);
          if (i % 3 === 0) fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      } catch {
        return offset;
      }
      bytes.copy(expected, offset);
      await new Promise(setImmediate);
    }
  }

  describe('after all that', () => {
    it('the base files are as they were', async () => {
      assert.ok(hashes.size > 0);
      for (const [file, hash] of hashes) assert.equal(await hashOf(file), hash, `${file} changed`);
    });
  });
});

function has(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

function sql(file: string, statements: string): Promise<string> {
  return runChecked('sqlite3', ['-batch', file], { input: statements, timeout: 100_000 });
}

async function makeDatabase(file: string): Promise<void> {
  const numbers = (count: number): string =>
    `WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  await sql(
    file,
    `PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE big(id INTEGER PRIMARY KEY, bytes BLOB);
    CREATE TABLE small(id INTEGER PRIMARY KEY, n INTEGER, text TEXT);
    CREATE INDEX by_n ON small(n);
    BEGIN;
    ${numbers(300)} INSERT INTO big SELECT i, randomblob(1000000) FROM n;
    ${numbers(20_000)} INSERT INTO small SELECT i, i * 7919 % 20000, hex(randomblob(40)) FROM n;
    COMMIT;`,
  );
}

/** Runs commands of qemu-io on a disk image. */
function io(file: string, ...commands: string[]): Promise<string> {
  return runChecked('qemu-io', ['-f', 'qcow2', ...commands.flatMap((each) => ['-c', each]), file]);
}

async function makeDiskImage(file: string): Promise<void> {
  await runChecked('qemu-img', ['create', '-q', '-f', 'qcow2', file, '256M']);
  await io(file, 'write -P 0x11 0 24M', 'write -P 0x12 100M 3M');
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha1');
  for await (const chunk of createReadStream(file, { highWaterMark: MIB })) hash.update(chunk as Buffer);
  return `${basename(file)} ${statSync(file).mtimeMs} ${hash.digest('hex')}`;
}
