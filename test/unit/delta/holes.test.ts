import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { BLOCK, finish, pattern, useWorkspace } from './workspace';

const MIB = 1 << 20;
const GIB = 1 << 30;
/** Bytes of the disk that a file may take which is nothing but holes and some blocks. */
const LITTLE = 2 * MIB;

describe('a commit of files with holes', () => {
  const workspace = useWorkspace();

  it('keeps those of a new file', () => {
    const w = workspace();
    w.engine.mknod(w.engine.root, 'new', 0o100644, 0, { uid: 0, gid: 0, umask: 0 });
    w.truncate('new', GIB);
    w.write('new', Buffer.from('end'), GIB - 3);
    finish(w.engine.commit({}));
    assertSparse(w.base('new'), GIB);
    assert.equal(readAt(w.base('new'), GIB - 3, 3).toString(), 'end');
  });

  it('keeps those that a large file got when it grew, and patches its base', () => {
    const w = workspace();
    const old = pattern(MIB + 77);
    writeFileSync(w.base('grown'), old);
    const { ino } = statSync(w.base('grown'));
    w.write('grown', Buffer.from('changed'), 5000);
    w.truncate('grown', GIB);
    w.write('grown', Buffer.from('middle'), GIB / 2);
    finish(w.engine.commit({}));
    assertSparse(w.base('grown'), GIB);
    assert.equal(statSync(w.base('grown')).ino, ino);
    old.write('changed', 5000);
    assert.ok(readAt(w.base('grown'), 0, old.length).equals(old));
    assert.ok(readAt(w.base('grown'), old.length, MIB).equals(Buffer.alloc(MIB)));
    assert.equal(readAt(w.base('grown'), GIB / 2, 6).toString(), 'middle');
  });

  it('keeps those of a large base file that is written anew', () => {
    const w = workspace();
    writeFileSync(w.base('rewritten'), '');
    truncateSync(w.base('rewritten'), GIB);
    w.truncate('rewritten', BLOCK);
    w.truncate('rewritten', GIB);
    w.write('rewritten', Buffer.from('new'), GIB - 3);
    finish(w.engine.commit({}));
    assertSparse(w.base('rewritten'), GIB);
    assert.equal(readAt(w.base('rewritten'), GIB - 3, 3).toString(), 'new');
  });
});

function assertSparse(path: string, size: number): void {
  const stat = statSync(path);
  assert.equal(stat.size, size);
  assert.ok(stat.blocks * 512 < LITTLE, `${path} takes ${stat.blocks * 512} bytes of the disk`);
}

function readAt(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, offset);
  closeSync(file);
  return bytes;
}
