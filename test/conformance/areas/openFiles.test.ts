import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readDirectory } from '../../../src/sys/directory';
import { linkFd, AT_FDCWD, statFsFd } from '../../../src/sys/file';
import { bind } from '../../../src/sys/libc';
import { Stat, statFd } from '../../../src/sys/stat';
import * as calls from '../calls';
import { fails, succeeds } from '../calls';
import { conforms, subjects } from '../fixture';

const nameToHandle = bind('name_to_handle_at', 'int', ['int', 'void *', 'void *', 'void *', 'int']);
const openByHandle = bind('open_by_handle_at', 'int', ['int', 'void *', 'int']);
const MAX_HANDLE = 128;
const linkat = bind('linkat', 'int', ['int', 'void *', 'int', 'void *', 'int']);
const AT_EMPTY_PATH = 0x1000;

function prepare(directory: string): void {
  for (const name of ['file', 'target', 'second']) writeFileSync(`${directory}/${name}`, name);
  mkdirSync(`${directory}/dir`);
}

function read(fd: number): string {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, succeeds(calls.pread(fd, buffer, 100, 0)));
}

function descriptorStat(fd: number): Stat {
  const stat = new Stat();
  succeeds(statFd(fd, stat));
  return stat;
}

describe('Open files', () => {
  subjects(prepare, (s) => {
    conforms('are read, written and changed after they were unlinked', () => {
      const fd = succeeds(calls.open(s.path('file'), calls.O_RDWR));
      succeeds(calls.unlink(s.path('file')));
      assert.equal(read(fd), 'file');
      succeeds(calls.pwrite(fd, Buffer.from('FI'), 2, 0));
      succeeds(calls.ftruncate(fd, 3));
      succeeds(calls.futimens(fd, 1, 2, 3, 4));
      assert.equal(read(fd), 'FIl');
      const { size, mtime, mtimeNsec, nlink } = descriptorStat(fd);
      assert.deepEqual([size, mtime, mtimeNsec, nlink], [3, 3, 4, 0]);
      // A new file of that name is another.
      writeFileSync(s.path('file'), 'other');
      assert.equal(read(fd), 'FIl');
    });

    conforms('are the same after they were renamed, also over another open file', () => {
      const fd = succeeds(calls.open(s.path('second'), calls.O_RDWR));
      const replaced = succeeds(calls.open(s.path('target'), calls.O_RDONLY));
      succeeds(calls.rename(s.path('second'), s.path('target')));
      succeeds(calls.pwrite(fd, Buffer.from('SEC'), 3, 0));
      assert.equal(readFileSync(s.path('target'), 'utf8'), 'SECond');
      assert.equal(read(replaced), 'target');
    });

    conforms('that are directories list nothing after they were removed, and take nothing', () => {
      const fd = succeeds(calls.open(s.path('dir'), calls.O_RDONLY | calls.O_DIRECTORY));
      succeeds(calls.rmdir(s.path('dir')));
      fails(
        'ENOENT',
        readDirectory(fd, '', () => undefined),
      );
      fails('ENOENT', calls.mkdir(`/proc/self/fd/${fd}/x`));
    });

    conforms('by handle are those that had it, or the error is a clean one', () => {
      writeFileSync(s.path('handled'), 'handled');
      const handle = Buffer.alloc(8 + MAX_HANDLE);
      handle.writeUInt32LE(MAX_HANDLE, 0);
      const path = Buffer.from(`${s.path('handled')}\0`);
      const named = nameToHandle(AT_FDCWD, path, handle, Buffer.alloc(4), 0);
      if (named < 0) {
        fails('ENOTSUP', named);
        return;
      }
      const directory = succeeds(calls.open(s.path(), calls.O_RDONLY | calls.O_DIRECTORY));
      const fd = openByHandle(directory, handle, calls.O_RDONLY);
      // Only root may.
      if (process.getuid?.() !== 0) fails('EPERM', fd);
      else if (fd < 0) fails('ESTALE', fd);
      else {
        assert.equal(read(fd), 'handled');
        calls.close(fd);
      }
    });

    conforms('tell the space of their file system, and that names have up to 255 bytes', () => {
      const space = { blockSize: 0, blocks: 0, free: 0, available: 0, files: 0, freeFiles: 0, nameLength: 0 };
      succeeds(statFsFd(succeeds(calls.open(s.path(), calls.O_RDONLY)), space));
      assert.equal(space.nameLength, 255);
      assert(space.blocks > space.free && space.free >= space.available && space.available > 0);
      assert(space.files > space.freeFiles && space.freeFiles > 0);
      assert(space.blockSize >= 512);
    });
  });

  describe('without a name', () => {
    subjects(prepare, (s) => {
      conforms('get one by linkat, and never had another', () => {
        const fd = succeeds(calls.open(s.path(), calls.O_TMPFILE | calls.O_RDWR, 0o600));
        succeeds(calls.pwrite(fd, Buffer.from('nameless'), 8, 0));
        const before = calls.list(s.path());
        succeeds(linkFd(fd, AT_FDCWD, s.path('named')));
        assert.equal(readFileSync(s.path('named'), 'utf8'), 'nameless');
        assert.deepEqual(calls.list(s.path()), [...before, 'named'].sort());
      });

      conforms('have a mode and a group as others, and no link', () => {
        const before = calls.lstat(s.path('dir'));
        process.umask(0o022);
        const fd = succeeds(calls.open(s.path('dir'), calls.O_TMPFILE | calls.O_WRONLY, 0o4777));
        const { mode, nlink, size } = descriptorStat(fd);
        assert.deepEqual([mode & 0o7777, nlink, size], [0o4777 & ~0o022, 0, 0]);
        assert.deepEqual(calls.lstat(s.path('dir')), before);
        succeeds(calls.open(s.path('dir'), calls.O_TMPFILE | calls.O_RDWR, 0));
        fails('EINVAL', calls.open(s.path('dir'), calls.O_TMPFILE | calls.O_RDONLY));
        fails('ENOTDIR', calls.open(s.path('file'), calls.O_TMPFILE | calls.O_RDWR));
      });

      conforms('get several, also after one was taken', () => {
        const fd = succeeds(calls.open(s.path(), calls.O_TMPFILE | calls.O_RDWR, 0));
        fails('EEXIST', linkFd(fd, AT_FDCWD, s.path('file')));
        fails('ENOENT', linkFd(fd, AT_FDCWD, s.path('none/x')));
        succeeds(linkFd(fd, AT_FDCWD, s.path('one')));
        succeeds(linkFd(fd, AT_FDCWD, s.path('dir/two')));
        assert.equal(descriptorStat(fd).nlink, 2);
        assert.equal(calls.lstat(s.path('dir/two')).ino, descriptorStat(fd).ino);
        succeeds(calls.pwrite(fd, Buffer.from('both'), 4, 0));
        assert.equal(readFileSync(s.path('dir/two'), 'utf8'), 'both');
      });

      conforms(
        'get one through their descriptor alone',
        () => {
          const fd = succeeds(calls.open(s.path(), calls.O_TMPFILE | calls.O_RDWR, 0o600));
          const [none, path] = ['', s.path('by descriptor')].map((text) => Buffer.from(`${text}\0`));
          succeeds(linkat(fd, none, AT_FDCWD, path, AT_EMPTY_PATH));
          assert.equal(descriptorStat(fd).nlink, 1);
        },
        'root',
      );

      conforms('get no name when they shall have none, or had their last', () => {
        const exclusive = calls.O_TMPFILE | calls.O_EXCL | calls.O_RDWR;
        fails(
          'ENOENT',
          linkFd(succeeds(calls.open(s.path(), exclusive, 0o600)), AT_FDCWD, s.path('excluded')),
        );
        const linked = succeeds(calls.open(s.path(), calls.O_TMPFILE | calls.O_RDWR, 0o600));
        succeeds(linkFd(linked, AT_FDCWD, s.path('linked')));
        succeeds(calls.unlink(s.path('linked')));
        const unlinked = succeeds(calls.open(s.path('second'), calls.O_RDWR));
        succeeds(calls.unlink(s.path('second')));
        for (const fd of [linked, unlinked]) {
          fails('ENOENT', linkFd(fd, AT_FDCWD, s.path('again')));
          assert.equal(descriptorStat(fd).nlink, 0);
        }
      });
    });
  });
});
