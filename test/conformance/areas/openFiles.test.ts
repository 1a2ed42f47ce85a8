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

function prepare(directory: string): void {
  for (const name of ['file', 'target', 'second']) writeFileSync(`${directory}/${name}`, name);
  mkdirSync(`${directory}/dir`);
}

function read(fd: number): string {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, succeeds(calls.pread(fd, buffer, 100, 0)));
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
      const stat = new Stat();
      succeeds(statFd(fd, stat));
      assert.deepEqual([stat.size, stat.mtime, stat.mtimeNsec, stat.nlink], [3, 3, 4, 0]);
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

    conforms('without a name get one by linkat, and never had another', () => {
      const fd = succeeds(calls.open(s.path(), calls.O_TMPFILE | calls.O_RDWR, 0o600));
      succeeds(calls.pwrite(fd, Buffer.from('nameless'), 8, 0));
      const before = calls.list(s.path());
      succeeds(linkFd(fd, AT_FDCWD, s.path('named')));
      assert.equal(readFileSync(s.path('named'), 'utf8'), 'nameless');
      assert.deepEqual(calls.list(s.path()), [...before, 'named'].sort());
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
});
