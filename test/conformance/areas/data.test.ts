import { strict as assert } from 'node:assert';
import { constants, readFileSync, writeFileSync } from 'node:fs';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../../src/sys/file';
import * as calls from '../calls';
import { fails, succeeds } from '../calls';
import { conforms, subjects } from '../fixture';
import { alignedPage, Mapping } from '../memory';
import { OtherProcess } from '../otherProcess';

const KIB = 1024;
const MIB = 1024 * KIB;
const FALLOC_FL_COLLAPSE_RANGE = 8;
const FALLOC_FL_INSERT_RANGE = 0x20;

/** Below and above the size from which on cowspace keeps blocks of a file. */
const sizes: Readonly<Record<string, number>> = { 'small file': 64 * KIB, 'large file': 3 * MIB };

function write(fd: number, text: string, position: number): void {
  assert.equal(calls.pwrite(fd, Buffer.from(text), text.length, position), text.length);
}

function read(fd: number, position: number, length: number): string {
  const buffer = Buffer.alloc(length);
  const got = succeeds(calls.pread(fd, buffer, length, position));
  return buffer.toString('latin1', 0, got);
}

const zeros = (length: number): string => '\0'.repeat(length);

describe('Data', () => {
  for (const [title, size] of Object.entries(sizes)) {
    describe(title, () => {
      subjects(
        (directory) => writeFileSync(`${directory}/file`, Buffer.alloc(size, 'b')),
        (s) => {
          const open = (flags = calls.O_RDWR): number => succeeds(calls.open(s.path('file'), flags));
          const reset = (): void => writeFileSync(s.path('file'), Buffer.alloc(size, 'b'));

          conforms('a descriptor opened for reading sees what is written later', () => {
            const reader = open(calls.O_RDONLY);
            assert.equal(read(reader, 0, 3), 'bbb');
            write(open(), 'new', 0);
            assert.equal(read(reader, 0, 4), 'newb');
            succeeds(calls.truncate(s.path('file'), 2));
            assert.equal(read(reader, 0, 4), 'ne');
            reset();
          });

          conforms('a mapping made for reading sees what is written later', () => {
            const mapping = new Mapping(open(), 4 * KIB);
            assert.equal(mapping.read(10, 3), 'bbb');
            write(open(), 'new', 10);
            assert.equal(mapping.read(10, 3), 'new');
            mapping.write(20, 'mapped');
            assert.equal(read(open(), 20, 6), 'mapped');
            mapping.sync();
            mapping.unmap();
            assert.equal(read(open(), 10, 16), 'newbbbbbbbmapped');
          });

          conforms('mappings of two processes are one', async () => {
            const other = new OtherProcess();
            try {
              const mapping = new Mapping(open(), 4 * KIB);
              await other.ask({ do: 'mapAndWrite', path: s.path('file'), offset: 100, text: 'theirs' });
              assert.equal(mapping.read(100, 6), 'theirs');
              mapping.write(200, 'ours');
              assert.equal(await other.ask({ do: 'readMapped', offset: 200, length: 4 }), 'ours');
              assert.equal(read(open(), 200, 4), 'ours');
              mapping.unmap();
            } finally {
              await other.end();
            }
          });

          conforms('O_DIRECT and buffered reads and writes see each other', () => {
            const direct = open(calls.O_RDWR | constants.O_DIRECT);
            const buffered = open();
            write(buffered, 'buffered', 8 * KIB);
            const page = alignedPage();
            assert.equal(calls.pread(direct, page, page.length, 8 * KIB), page.length);
            assert.equal(page.toString('latin1', 0, 9), 'bufferedb');
            page.fill('d');
            assert.equal(calls.pwrite(direct, page, page.length, 8 * KIB), page.length);
            assert.equal(read(buffered, 8 * KIB - 1, 3), 'bdd');
          });

          conforms('a hole punched is zero and found by SEEK_HOLE and SEEK_DATA', () => {
            reset();
            const fd = open();
            succeeds(calls.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16 * KIB, 8 * KIB));
            assert.equal(read(fd, 16 * KIB - 1, 3), 'b\0\0');
            assert.equal(read(fd, 24 * KIB - 2, 3), '\0\0b');
            assert.equal(calls.lseek(fd, 0, SEEK_HOLE), 16 * KIB);
            assert.equal(calls.lseek(fd, 16 * KIB, SEEK_DATA), 24 * KIB);
            assert.equal(calls.lseek(fd, 24 * KIB, SEEK_HOLE), size);
            fails('ENXIO', calls.lseek(fd, size, SEEK_DATA));
          });

          conforms('fallocate extends with zeros, or keeps the size', () => {
            reset();
            const fd = open();
            succeeds(calls.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size + 100));
            assert.equal(calls.lstat(s.path('file')).size, size);
            succeeds(calls.fallocate(fd, 0, 0, size + 100));
            assert.equal(calls.lstat(s.path('file')).size, size + 100);
            assert.equal(read(fd, size - 1, 101), `b${zeros(100)}`);
          });

          conforms('fallocate zeroes a range', () => {
            reset();
            const fd = open();
            succeeds(calls.fallocate(fd, FALLOC_FL_ZERO_RANGE, 10, 20));
            assert.equal(read(fd, 9, 22), `b${zeros(20)}b`);
          });

          conforms('fallocate takes out or inserts a range, or says that it cannot', () => {
            reset();
            for (const mode of [FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE]) {
              const result = calls.fallocate(open(), mode, 4 * KIB, 4 * KIB);
              if (result < 0) fails('ENOTSUP', result);
            }
            assert.equal(read(open(), 0, 3), 'bbb');
          });

          conforms('what is cut and extended again is zero', () => {
            reset();
            succeeds(calls.truncate(s.path('file'), 10));
            succeeds(calls.truncate(s.path('file'), size));
            const contents = readFileSync(s.path('file'), 'latin1');
            assert.equal(contents.length, size);
            assert.equal(contents.slice(0, 12), `${'b'.repeat(10)}\0\0`);
            assert.equal(contents.lastIndexOf('b'), 9);
          });

          conforms('copy_file_range copies to another file and within one', () => {
            reset();
            writeFileSync(s.path('copy'), '');
            const [from, to] = [open(), succeeds(calls.open(s.path('copy'), calls.O_RDWR))];
            write(from, 'copied', 5 * KIB);
            let done = 0;
            while (done < size) {
              const copied = succeeds(calls.copyFileRange(from, done, to, done, size - done));
              assert(copied > 0);
              done += copied;
            }
            assert(readFileSync(s.path('copy')).equals(readFileSync(s.path('file'))));
            assert.equal(calls.copyFileRange(from, 5 * KIB, from, 20 * KIB, 6), 6);
            assert.equal(read(from, 20 * KIB - 1, 8), 'bcopiedb');
            assert.equal(calls.copyFileRange(from, size, to, 0, 10), 0);
            fails('EINVAL', calls.copyFileRange(from, 0, from, 3, 10));
          });

          conforms('append writes at the end, whoever extended it', () => {
            reset();
            const append = open(calls.O_WRONLY | constants.O_APPEND);
            write(open(), 'end', size);
            writeFileSync(append, 'appended');
            assert.equal(read(open(), size - 1, 20), 'bendappended');
          });

          conforms('fsync, fdatasync and O_SYNC work', () => {
            const fd = open(calls.O_RDWR | constants.O_SYNC);
            write(fd, 'synced', 0);
            succeeds(calls.fsync(fd));
            succeeds(calls.fdatasync(fd));
            assert.equal(read(fd, 0, 6), 'synced');
          });
        },
      );
    });
  }
});
