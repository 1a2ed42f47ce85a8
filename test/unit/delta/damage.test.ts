import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { CowspaceError } from '../../../src/protocol/errors';
import { check, E, FsError } from '../../../src/sys/errno';
import { getXattrAt, setXattrAt } from '../../../src/sys/xattr';
import { RECORD_XATTR } from '../../../src/core/record';
import { BLOCK, finish, pattern, useWorkspace } from './workspace';

const BASE = pattern(64 * BLOCK);
const CHANGE = Buffer.alloc(BLOCK, 0xee);

/** Turns every bit of bytes in a file. */
function flip(file: string, offset: number, length = 1): void {
  const fd = openSync(file, 'r+');
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, offset);
  writeSync(
    fd,
    bytes.map((byte) => byte ^ 0xff),
    0,
    length,
    offset,
  );
  closeSync(fd);
}

/** Replaces a file's record by what `change` makes of it. */
function changeRecord(path: string, change: (record: Buffer) => Buffer): void {
  const dir = openSync(dirname(path), 'r');
  const record = Buffer.alloc(1024);
  const length = check(getXattrAt(dir, basename(path), RECORD_XATTR, record), path);
  check(setXattrAt(dir, basename(path), RECORD_XATTR, change(record.subarray(0, length))), path);
  closeSync(dir);
}

function flipRecord(path: string, offset: number): void {
  changeRecord(path, (record) => {
    record[offset]! ^= 0xff;
    return record;
  });
}

function gives(errno: number): (error: unknown) => boolean {
  return (error) => error instanceof FsError && error.errno === errno;
}

describe('damage of a block delta', () => {
  const workspace = useWorkspace();

  /** A changed delta `dir/big` and its neighbours, unmounted. */
  function prepare(): { map: string; upper: string } {
    const w = workspace();
    mkdirSync(w.base('dir'));
    writeFileSync(w.base('dir/big'), BASE);
    writeFileSync(w.base('dir/other'), BASE);
    writeFileSync(w.base('dir/small'), 'small');
    w.write('dir/big', CHANGE, 3 * BLOCK);
    const [map] = w.maps();
    w.write('dir/other', CHANGE, 5 * BLOCK);
    w.write('dir/small', Buffer.from('SMALL'), 0);
    w.close();
    return { map: map!, upper: w.upper('dir/big') };
  }

  /** One file gives EIO whatever is asked of its bytes; everything else works, and everybody is told. */
  function verifyDamage(reason: RegExp, path = 'dir/big'): void {
    const w = workspace();
    assert.deepEqual(w.names('dir'), ['big', 'other', 'small']);
    assert.throws(() => w.read(path, 0, 10), gives(E.EIO));
    assert.throws(() => w.read(path, 3 * BLOCK, 10), gives(E.EIO));
    assert.throws(() => w.write(path, CHANGE, 0), gives(E.EIO));
    assert.throws(() => w.truncate(path, 10), gives(E.EIO));
    assert.throws(() => w.engine.lseek(w.node(path), 0, 3), gives(E.EIO));
    assert.equal(w.size(path), BASE.length);
    assert.deepEqual(w.read('dir/other', 5 * BLOCK, BLOCK), CHANGE);
    assert.equal(w.read('dir/small').toString(), 'SMALL');

    assert.deepEqual(w.changes(), ['changed dir/big', 'changed dir/other', 'changed dir/small']);
    const { changes } = w.engine.changes.list();
    assert.match(changes.find((change) => change.path === path)?.damage ?? '', reason);
    assert.deepEqual(
      changes.filter(({ damage }) => damage !== undefined).map((change) => change.path),
      [path],
    );
    assert.deepEqual(
      w.log.filter((line) => reason.test(line) && line.startsWith(`${path} gives EIO`)).length,
      1,
      w.log.join('\n'),
    );
    const found = finish(w.engine.verify());
    assert.deepEqual(
      found.map((damage) => damage.path),
      [path],
    );
    assert.match(found[0]!.reason, reason);
    assert.throws(() => finish(w.engine.commit({})), { code: 'conflict' });
    assert.deepEqual(readFileSync(w.base('dir/other')), BASE);
    finish(w.engine.commit({ skipConflicts: true }));
    assert.deepEqual(w.changes(), [`changed ${path}`]);
  }

  /** Discarding it brings the base's file back. */
  function verifyDiscard(path = 'dir/big'): void {
    const w = workspace();
    finish(w.engine.discard({ paths: [path] }));
    assert.deepEqual(w.changes(), []);
    assert.deepEqual(w.read(path), readFileSync(w.base(path)));
    assert.deepEqual(finish(w.engine.verify()), []);
  }

  const places = {
    'the live header': (map: string) => flip(map, 20),
    'a durable header': (map: string) => flip(map, statSync(map).size > 0 ? newestHeader(map) + 14 : 0),
    'both durable headers': (map: string) => {
      flip(map, BLOCK + 300);
      flip(map, 2 * BLOCK + 300);
    },
    'all headers': (map: string) => [0, 1, 2].forEach((place) => flip(map, place * BLOCK, 512)),
    'a live page of bits': (map: string) => flip(map, 3 * BLOCK + 16),
    'the checksum of a live page': (map: string) => flip(map, 3 * BLOCK + 8),
    'a live page, which is zeros': (map: string) => zero(map, 3 * BLOCK),
    'the end, cut off': (map: string) => truncateSync(map, 3 * BLOCK),
    'the checksum of a page, cut off there': (map: string) => truncateSync(map, 3 * BLOCK + 10),
    'the headers, cut off there': (map: string) => truncateSync(map, BLOCK),
    'everything, cut off': (map: string) => truncateSync(map, 0),
  };
  for (const [what, damage] of Object.entries(places)) {
    it(`in its block map is noticed: ${what}`, () => {
      damage(prepare().map);
      verifyDamage(/block map is damaged/);
      verifyDiscard();
    });
  }

  it('in its block map is noticed whichever byte it hits', () => {
    const w = workspace();
    const { map } = prepare();
    const good = readFileSync(map);
    // Each header and each page of bits; what is between a header and the next page has no meaning.
    const meant = [...[0, 1, 2].flatMap((page) => range(page * BLOCK, 512)), ...range(3 * BLOCK, 2 * BLOCK)];
    for (let i = 0; i < meant.length; i += 61) {
      writeFileSync(map, good);
      flip(map, meant[i]!);
      let bytes: Buffer | undefined;
      try {
        bytes = w.read('dir/big');
      } catch (error) {
        assert.ok(gives(E.EIO)(error), String(error));
      }
      if (bytes !== undefined) {
        const expected = Buffer.from(BASE);
        CHANGE.copy(expected, 3 * BLOCK);
        assert.ok(bytes.equals(expected), `wrong bytes after a flip at ${meant[i]!}`);
      }
      w.close();
    }
  });

  it('is noticed when the block map is missing', () => {
    rmSync(prepare().map);
    verifyDamage(/block map is missing/);
    verifyDiscard();
  });

  for (const offset of [0, 1, 2, 17, 44, 50, 53]) {
    it(`in its record is noticed: byte ${offset}`, () => {
      flipRecord(prepare().upper, offset);
      verifyDamage(/record is/);
      verifyDiscard();
    });
  }

  it('in its record is noticed when that is far too long', () => {
    const { upper } = prepare();
    changeRecord(upper, () => Buffer.alloc(3000, 1));
    verifyDamage(/record is damaged/);
  });

  it('is noticed when another file is in the place of its base', () => {
    const w = workspace();
    prepare();
    const { atime, mtime } = statSync(w.base('dir/big'));
    writeFileSync(w.base('dir/new'), pattern(BASE.length, 99));
    utimesSync(w.base('dir/new'), atime, mtime);
    renameSync(w.base('dir/new'), w.base('dir/big'));
    verifyDamage(/base file of its block delta was changed/);
    verifyDiscard();
  });

  it('is noticed when its base was written to, also while it is in use', () => {
    const w = workspace();
    prepare();
    assert.deepEqual(w.read('dir/big', 3 * BLOCK, BLOCK), CHANGE);
    flip(w.base('dir/big'), 0);
    verifyDamage(/base file of its block delta was changed/);
    verifyDiscard();
  });

  it('is noticed when its base is gone, and the mount goes on', () => {
    const w = workspace();
    prepare();
    rmSync(w.base('dir/big'));
    assert.deepEqual(w.names('dir'), ['big', 'other', 'small']);
    assert.throws(() => w.read('dir/big'), gives(E.EIO));
    assert.match(finish(w.engine.verify())[0]!.reason, /base file .* is gone/);
    finish(w.engine.discard({ paths: ['dir/big'] }));
    assert.deepEqual(w.names('dir'), ['other', 'small']);
  });

  it('ends when its base is put back', () => {
    const w = workspace();
    prepare();
    renameSync(w.base('dir/big'), w.base('aside'));
    assert.throws(() => w.read('dir/big'), gives(E.EIO));
    renameSync(w.base('aside'), w.base('dir/big'));
    w.close();
    assert.deepEqual(w.read('dir/big', 3 * BLOCK, BLOCK), CHANGE);
    assert.deepEqual(finish(w.engine.verify()), []);
  });

  it('is found on disk while what is in memory is still right', () => {
    const w = workspace();
    const { map } = prepare();
    w.read('dir/big', 0, 1);
    flip(map, 3 * BLOCK + 16);
    assert.deepEqual(w.read('dir/big', 3 * BLOCK, BLOCK), CHANGE);
    assert.match(finish(w.engine.verify())[0]!.reason, /block map is damaged/);
  });

  it('does not keep a file from being renamed, and does not end there', () => {
    const w = workspace();
    const { upper } = prepare();
    flipRecord(upper, 5);
    w.engine.rename(w.node('dir'), 'big', w.node('dir'), 'moved', 0);
    w.engine.rename(w.node('dir'), 'moved', w.node('dir'), 'small', 0);
    assert.throws(() => w.read('dir/small', 0, 1), gives(E.EIO));
    w.close();
    assert.throws(() => w.read('dir/small', 0, 1), gives(E.EIO));
    w.engine.unlink(w.node('dir'), 'small');
    assert.deepEqual(w.names('dir'), ['other']);
  });

  it('does not keep a file from being deleted, which who has it open notices by EIO', () => {
    const w = workspace();
    const { map } = prepare();
    flip(map, 0);
    const node = w.node('dir/big');
    w.engine.remember(node);
    w.engine.unlink(w.node('dir'), 'big');
    assert.deepEqual(w.names('dir'), ['other', 'small']);
    assert.throws(() => w.engine.read(node, Buffer.alloc(1), 1, 0), gives(E.EIO));
    w.engine.forget(node.id, 1);
  });

  it('in the record of a directory hides what is in it, and nothing else', () => {
    const w = workspace();
    prepare();
    w.engine.rename(w.engine.root, 'dir', w.engine.root, 'moved', 0);
    w.close();
    flipRecord(w.upper('moved'), 5);
    writeFileSync(w.base('file'), 'x');
    assert.deepEqual(w.names(), ['file', 'moved']);
    assert.throws(() => w.names('moved'), gives(E.EIO));
    assert.throws(() => w.node('moved/big'), gives(E.EIO));
    assert.equal(w.read('file').toString(), 'x');
    assert.deepEqual(finish(w.engine.verify()), [{ path: 'moved', reason: 'its scratch record is damaged' }]);
    assert.ok(w.changes().includes('created moved'));
    finish(w.engine.discard({ paths: ['moved'] }));
    finish(w.engine.discard({}));
    assert.deepEqual(w.names('dir'), ['big', 'other', 'small']);
  });

  it('can be put aside and brought back', () => {
    const w = workspace();
    flipRecord(prepare().upper, 5);
    const { undoId } = finish(w.engine.discard({ paths: ['dir/big'] }));
    assert.deepEqual(w.read('dir/big'), BASE);
    finish(w.engine.undoDiscard(undoId));
    assert.throws(() => w.read('dir/big', 0, 1), gives(E.EIO));
    for (let i = 0; i < 12; i++) {
      w.write('dir/small', Buffer.from(`${i}`), 0);
      finish(w.engine.discard({}));
    }
    assert.deepEqual(w.changes(), []);
  });

  it('is no reason to take an error of another kind for it', () => {
    const w = workspace();
    prepare();
    assert.throws(
      () => finish(w.engine.changedRanges('dir', 0, 1)),
      (error) => error instanceof CowspaceError && error.code === 'not-found',
    );
    assert.deepEqual(finish(w.engine.verify()), []);
  });
});

function range(start: number, length: number): number[] {
  return Array.from({ length }, (_, i) => start + i);
}

function zero(file: string, offset: number): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, Buffer.alloc(BLOCK), 0, BLOCK, offset);
  closeSync(fd);
}

/** Offset of the durable header with the higher generation. */
function newestHeader(map: string): number {
  const bytes = readFileSync(map);
  const generation = (place: number): number => bytes.readUInt32LE(place * BLOCK + 12);
  return (generation(1) > generation(2) ? 1 : 2) * BLOCK;
}
