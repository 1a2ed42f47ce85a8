import { strict as assert } from 'node:assert';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import { encodeHeader, headerOffset } from '../../../src/core/delta/mapFormat';
import type { Job } from '../../../src/core/job';
import type { UpperRecord } from '../../../src/core/node';
import { encodeRecord, RECORD_XATTR } from '../../../src/core/record';
import { removeTree } from '../../../src/core/scratch';
import type { Change } from '../../../src/protocol/messages';
import { AT_FDCWD, mknodAt } from '../../../src/sys/file';
import { S_IFDIR, S_IFIFO } from '../../../src/sys/stat';
import { setXattrAt } from '../../../src/sys/xattr';
import { EngineSandbox } from './support/sandbox';

/** A scratch that somebody else made, who wants to read or write outside of it. */
describe('a hostile scratch', () => {
  let sandbox: EngineSandbox;
  let base: string;
  let outside: string;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    outside = sandbox.directory('outside');
    writeFileSync(`${outside}/secret`, 'secret', { mode: 0o600 });
    mkdirSync(`${base}/dir`);
    writeFileSync(`${base}/file`, 'base');
    writeFileSync(`${base}/dir/inner`, 'inner');
    // Makes the scratch.
    assert.ok(sandbox.engine);
    sandbox.close();
  });

  afterEach(() => {
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.equal(readFileSync(`${outside}/secret`, 'utf8'), 'secret');
    assert.deepEqual([statSync(outside).mode, statSync(`${outside}/secret`).mode], [0o40755, 0o100600]);
    sandbox.dispose();
  });

  for (const redirect of ['../outside/secret', '..', '/etc/passwd', 'dir/../../outside/secret', '', 'a//b']) {
    it(`gets nothing by a redirect to '${redirect}'`, () => {
      writeFileSync(`${sandbox.scratch}/upper/file`, '');
      plant('file', { ...nothing, redirect, metacopy: true });
      assert.throws(() => read('file'), { code: 'EIO' });
      assert.match(sandbox.log.join('\n') + sandbox.engine.stat('file', 'scratch')!.type, /file/);
      assert.equal(read('dir/inner'), 'inner');
    });
  }

  for (const directory of ['../outside', 'dir/../../outside', 'out', '/']) {
    it(`gets nothing deleted in '${directory}' as left over by a commit`, () => {
      const prefix = `.cowspace-commit-${'a'.repeat(16)}-`;
      symlinkSync(outside, `${base}/out`);
      writeFileSync(`${outside}/${prefix}0`, '');
      const line = `${JSON.stringify({ layer: 1, directory, prefix })}\n`;
      writeFileSync(`${sandbox.scratch}/temporaries.jsonl`, `${line}no JSON\n`);
      assert.equal(read('file'), 'base');
      unlinkSync(`${outside}/${prefix}0`);
    });
  }

  it('gets nothing by symbolic links in place of directories', () => {
    symlinkSync(outside, `${sandbox.scratch}/upper/dir`);
    assert.equal(sandbox.engine.stat('dir', 'scratch')?.type, 'symlink');
    assert.throws(() => read('dir/secret'));
    sandbox.close();
    renameSync(`${sandbox.scratch}/trash`, `${sandbox.scratch}/old-trash`);
    symlinkSync(outside, `${sandbox.scratch}/trash`);
    assert.throws(() => sandbox.engine, { code: 'ENOTDIR' });
  });

  for (const layer of ['base', 'scratch']) {
    it(`gets nothing by a link that takes the place of a directory of the ${layer} after it was found`, () => {
      sandbox.mount.mkdir('made', 0o755);
      sandbox.close();
      const [name, disk] = layer === 'base' ? ['dir', base] : ['made', `${sandbox.scratch}/upper`];
      const { engine } = sandbox;
      const caller = { uid: 0, gid: 0, umask: 0 };
      const node = engine.lookup(engine.root, name)!;
      engine.remember(node);
      renameSync(`${disk}/${name}`, `${disk}/aside`);
      symlinkSync(outside, `${disk}/${name}`);
      for (const attempt of [
        () => engine.lookup(node, 'secret'),
        () => {
          engine.list(node, 0, false, () => true);
        },
        () => engine.mknod(node, 'new', 0o100644, 0, caller),
        () => engine.mkdir(node, 'new', 0o755, caller),
        () => {
          engine.rename(engine.root, 'file', node, 'stolen', 0);
        },
        () => {
          engine.unlink(node, 'secret');
        },
        () => {
          engine.setattr(node, { mode: 0o777 });
        },
      ])
        assert.throws(attempt, { name: 'FsError' });
    });
  }

  it('gets nothing by a block map that it names', () => {
    writeFileSync(`${sandbox.scratch}/upper/file`, '');
    symlinkSync(`${outside}/secret`, `${sandbox.scratch}/delta/${'ab'.repeat(8)}`);
    plant('file', { ...nothing, delta: 'ab'.repeat(8) });
    assert.throws(() => read('file'));
  });

  it('gets nothing renamed by the journal of a commit', () => {
    for (const to of ['../outside/new', '/tmp/cowspace-hostile', 'dir/../../outside/new']) {
      const move = { path: 'file', from: 'file', to, oldPath: 'file', detour: false };
      writeFileSync(`${sandbox.scratch}/commit.json`, JSON.stringify(move));
      assert.throws(() => sandbox.engine, { code: 'wrong-scratch', message: /leads out of its folder/ });
      assert.ok(existsSync(`${base}/file`));
      assert.ok(!existsSync('/tmp/cowspace-hostile'));
    }
  });

  it('gets nothing moved by the undo of a discard', () => {
    const folder = `${sandbox.scratch}/trash/1`;
    mkdirSync(folder);
    writeFileSync(`${folder}/0`, 'planted');
    const entry = { whiteout: false, metadata: false, kind: 'created', type: 'file', size: 7 };
    const lines = [
      { ...entry, name: '0', path: '../../outside/planted' },
      { ...entry, name: '../../../outside/secret', path: 'stolen' },
    ];
    for (const line of lines) {
      writeFileSync(`${folder}/entries.jsonl`, `${JSON.stringify(line)}\n`);
      assert.throws(() => sandbox.run(sandbox.engine.undoDiscard('1')));
    }
    assert.equal(sandbox.engine.stat('stolen', 'scratch'), null);
  });

  it('is refused when its description is damaged', () => {
    appendFileSync(`${sandbox.scratch}/cowspace.json`, '}');
    assert.throws(() => sandbox.engine, { code: 'wrong-scratch' });
  });

  for (const name of ['cowspace.json', 'commit.json']) {
    it(`is refused when ${name} is a link, a pipe, or endless`, () => {
      const path = `${sandbox.scratch}/${name}`;
      const refused = { code: 'wrong-scratch', message: /json is damaged: \w+: it cannot be read/ };
      for (const plant of [
        () => symlinkSync('/dev/zero', path),
        () => makePipe(path),
        () => makeHuge(path),
      ]) {
        rmSync(path, { force: true });
        plant();
        assert.throws(() => sandbox.engine, refused);
      }
    });
  }

  it('gets nothing overwritten by what is in the way of a journal', () => {
    symlinkSync(`${outside}/secret`, `${sandbox.scratch}/commit.json.new`);
    sandbox.mount.rename('file', 'moved', 0);
    sandbox.run(sandbox.engine.commit({}));
    assert.equal(readFileSync(`${base}/moved`, 'utf8'), 'base');
  });

  it('gets nothing moved or deleted by links in place of what was discarded', () => {
    writeFileSync(`${outside}/entries.jsonl`, trashLine('secret'));
    symlinkSync(outside, `${sandbox.scratch}/trash/1`);
    assert.throws(() => sandbox.run(sandbox.engine.undoDiscard('1')), { code: 'not-found' });
    rmSync(`${outside}/entries.jsonl`);
    rmSync(`${sandbox.scratch}/trash/1`);
    mkdirSync(`${sandbox.scratch}/trash/1`);
    symlinkSync(`${outside}/secret`, `${sandbox.scratch}/trash/1/entries.jsonl`);
    assert.throws(() => sandbox.run(sandbox.engine.undoDiscard('1')), { code: 'ELOOP' });
  });

  it('gets no mode changed outside when a directory becomes a link while it is deleted', () => {
    symlinkSync(outside, `${sandbox.scratch}/link`);
    const fd = openSync(sandbox.scratch, 'r');
    chmodSync(outside, 0o755);
    assert.throws(() => {
      removeTree(fd, 'link', S_IFDIR);
    });
    closeSync(fd);
  });

  it('does not make anybody wait for pipes in place of its own files', () => {
    const id = 'ab'.repeat(8);
    for (const name of ['upper/file', 'upper/other']) writeFileSync(`${sandbox.scratch}/${name}`, '');
    plant('file', { ...originOf('file'), delta: id });
    makePipe(`${sandbox.scratch}/delta/${id}`);
    symlinkSync('nowhere', `${sandbox.scratch}/upper/link`);
    makePipe(
      `${sandbox.scratch}/records/${statSync(`${sandbox.scratch}/upper/link`, { throwIfNoEntry: false })?.ino ?? 1}`,
    );
    for (const name of ['0', '1.done']) makePipe(`${sandbox.scratch}/undo/${name}`);
    symlinkSync(outside, `${sandbox.scratch}/undo/2`);
    mkdirSync(`${sandbox.scratch}/undo/3`);
    assert.throws(() => read('file'), { code: 'EIO' });
    assert.equal(read('dir/inner'), 'inner');
    assert.ok(sandbox.run(sandbox.engine.verify()).some(({ path }) => path === 'file'));
  });

  it('does not take more memory than there is by claiming sizes', () => {
    const id = 'ab'.repeat(8);
    writeFileSync(`${sandbox.scratch}/upper/file`, '');
    plant('file', { ...originOf('file'), delta: id });
    const map = `${sandbox.scratch}/delta/${id}`;
    for (const { pages, size } of [
      { pages: 0xffff_ffff, size: 3 * 4096 },
      { pages: 1, size: 2 ** 43 },
    ]) {
      writeFileSync(map, '');
      truncateSync(map, size);
      const fd = openSync(map, 'r+');
      for (const place of [0, 1, 2]) {
        const header = { generation: place, baseLimit: 2 ** 60, pages, root: 0, boot: '', set: [] };
        writeSync(fd, encodeHeader(header), 0, 512, headerOffset(place));
      }
      closeSync(fd);
      assert.throws(() => read('file'), { code: 'EIO', message: /its block map is damaged/ });
      sandbox.close();
    }
  });

  it('does not stall by an undo journal of empty entries', () => {
    const journal = `${sandbox.scratch}/undo/0`;
    const header = { layer: 1, basePath: 'file', path: 'file', delta: '', size: 4 };
    const times = { atime: 0, atimeNsec: 0, mtime: 0, mtimeNsec: 0 };
    const text = Buffer.from(JSON.stringify({ ...header, ...times }));
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32LE(text.length, 0);
    prefix.writeUInt32LE(crc32(text), 4);
    writeFileSync(journal, Buffer.concat([prefix, text]));
    const end = prefix.length + text.length + 2 ** 40;
    truncateSync(journal, end);
    const seal = Buffer.alloc(16, 0xff);
    seal.writeBigUInt64LE(BigInt(end), 8);
    const fd = openSync(journal, 'r+');
    writeSync(fd, seal, 0, 16, end);
    closeSync(fd);
    assert.equal(read('file'), 'base');
    assert.match(sandbox.log.join('\n'), /its undo journal is damaged/);
  });

  it('may redirect in circles, and to layers that there are not', () => {
    const upper = `${sandbox.scratch}/upper`;
    mkdirSync(`${base}/other`);
    mkdirSync(`${upper}/dir`);
    mkdirSync(`${upper}/other`);
    mkdirSync(`${upper}/dir/sub`);
    plant('dir', { ...nothing, redirect: 'other' });
    plant('other', { ...nothing, redirect: 'dir' });
    plant('dir/sub', { ...nothing, redirect: 'dir' });
    writeFileSync(`${upper}/file`, '');
    plant('file', { ...nothing, origin: { ...nothing.origin, layer: 65535, ino: 2 ** 53 } });
    assert.equal(read('other/inner'), 'inner');
    assert.equal(read('dir/sub/inner'), 'inner');
    assert.equal(sandbox.engine.stat('file', 'scratch')?.size, 0);
    const paths = sandbox.run(listChanges(sandbox)).map(({ path }) => path);
    assert.ok(
      ['dir', 'dir/sub', 'file', 'other'].every((path) => paths.includes(path)),
      paths.join(' '),
    );
    try {
      sandbox.run(sandbox.engine.commit({ skipConflicts: true }));
    } catch (error) {
      assert.match(String(error), /^FsError: \w+: /);
    }
    const left = readdirSync(base, { recursive: true, encoding: 'utf8' });
    assert.equal(left.filter((path) => path.endsWith('inner')).length, 1, left.join(' '));
  });

  it('is closed to others, and refused when it is theirs', function () {
    chmodSync(sandbox.scratch, 0o777);
    assert.ok(sandbox.engine);
    assert.equal(statSync(sandbox.scratch).mode & 0o7777, 0o700);
    sandbox.close();
    if (process.getuid?.() !== 0) this.skip();
    chownSync(sandbox.scratch, 65534, 65534);
    assert.throws(() => sandbox.engine, { code: 'denied', message: /belongs to another user/ });
  });

  /** A record that the base's file fits. */
  function originOf(name: string): UpperRecord {
    const { ino, mode, uid, gid, size, mtimeNs } = statSync(`${base}/${name}`, { bigint: true });
    const time = { mtime: Number(mtimeNs / 1_000_000_000n), mtimeNsec: Number(mtimeNs % 1_000_000_000n) };
    const numbers = {
      ino: Number(ino),
      mode: Number(mode),
      uid: Number(uid),
      gid: Number(gid),
      size: Number(size),
    };
    return { ...nothing, origin: { layer: 1, ...numbers, ...time } };
  }

  function plant(name: string, record: UpperRecord): void {
    const fd = openSync(`${sandbox.scratch}/upper`, 'r');
    assert.equal(setXattrAt(fd, name, RECORD_XATTR, encodeRecord(record)), 0);
    closeSync(fd);
  }

  function read(path: string): string {
    return sandbox.engine.readSide(path, 'scratch', 0, 100).toString();
  }
});

function makePipe(path: string): void {
  assert.equal(mknodAt(AT_FDCWD, path, S_IFIFO | 0o600, 0), 0);
}

function makeHuge(path: string): void {
  writeFileSync(path, '{');
  truncateSync(path, 2 ** 43);
}

function trashLine(name: string): string {
  const entry = {
    name,
    path: 'stolen',
    whiteout: false,
    metadata: false,
    kind: 'created',
    type: 'file',
    size: 6,
  };
  return `${JSON.stringify(entry)}\n`;
}

function* listChanges(sandbox: EngineSandbox): Job<Change[]> {
  yield* sandbox.engine.changes.update();
  return sandbox.engine.changes.list().changes;
}

const nothing: UpperRecord = {
  metacopy: false,
  cover: false,
  origin: { layer: 1, ino: 1, mode: 0o100644, uid: 0, gid: 0, size: 4, mtime: 0, mtimeNsec: 0 },
  delta: null,
  redirect: null,
  coveredAt: null,
};
