import { strict as assert } from 'node:assert';
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { AT_FDCWD } from '../../../src/sys/file';
import { readDirectory } from '../../../src/sys/directory';
import { Stat, statFd } from '../../../src/sys/stat';
import * as calls from '../calls';
import { succeeds } from '../calls';
import { conforms, remount, subjects, type Subject } from '../fixture';

/** What identifies a file to programs. */
function identity(path: string): { dev: number; ino: number; listed: number } {
  const { dev, ino } = calls.lstat(path);
  return { dev, ino, listed: listedInode(path) };
}

/** `d_ino` of a name in its directory. */
function listedInode(path: string): number {
  const slash = path.lastIndexOf('/');
  let found = 0;
  succeeds(
    readDirectory(AT_FDCWD, path.slice(0, slash), (name, ino) => {
      if (name === path.slice(slash + 1)) found = ino;
    }),
  );
  return found;
}

function prepare(directory: string): void {
  writeFileSync(`${directory}/file`, 'contents');
  writeFileSync(`${directory}/other`, 'contents');
  symlinkSync('file', `${directory}/symlink`);
  mkdirSync(`${directory}/directory`);
  writeFileSync(`${directory}/directory/child`, 'contents');
  writeFileSync(`${directory}/first`, 'contents');
  linkSync(`${directory}/first`, `${directory}/second`);
}

function overwrite(path: string, text: string): void {
  const fd = succeeds(calls.open(path, calls.O_WRONLY));
  calls.pwrite(fd, Buffer.from(text), text.length, 0);
  calls.close(fd);
}

/** By title: the object, where it is afterwards, and what must not change its identity. */
const keepers: readonly (readonly [title: string, from: string, to: string, act: (s: Subject) => unknown])[] =
  [
    ['a write', 'file', 'file', (s) => overwrite(s.path('file'), 'new')],
    ['chmod', 'file', 'file', (s) => calls.chmod(s.path('file'), 0o600)],
    ['truncate', 'file', 'file', (s) => calls.truncate(s.path('file'), 0)],
    ['rename of a file', 'file', 'new', (s) => calls.rename(s.path('file'), s.path('new'))],
    [
      'rename of a file into a directory',
      'file',
      'directory/new',
      (s) => calls.rename(s.path('file'), s.path('directory/new')),
    ],
    ['rename of a symbolic link', 'symlink', 'new', (s) => calls.rename(s.path('symlink'), s.path('new'))],
    ['rename of a directory', 'directory', 'new', (s) => calls.rename(s.path('directory'), s.path('new'))],
    [
      'rename of the directory above',
      'directory/child',
      'new/child',
      (s) => calls.rename(s.path('directory'), s.path('new')),
    ],
    [
      'a new file in a directory',
      'directory',
      'directory',
      (s) => calls.open(s.path('directory/new'), calls.O_CREAT | calls.O_WRONLY),
    ],
    ['link', 'file', 'new', (s) => calls.link(s.path('file'), s.path('new'))],
    [
      'chown of a symbolic link',
      'symlink',
      'symlink',
      (s) => calls.lchown(s.path('symlink'), 0xffff_ffff, 0xffff_ffff),
    ],
  ];

describe('Identity', () => {
  describe('st_dev, st_ino and d_ino', () => {
    for (const [title, from, to, act] of keepers) {
      subjects(prepare, (s) => {
        conforms(`stay through ${title}`, () => {
          const before = identity(s.path(from));
          assert.equal(before.listed, before.ino);
          const result = act(s);
          if (typeof result === 'number') succeeds(result);
          assert.deepEqual(identity(s.path(to)), before);
        });
      });
    }

    subjects(prepare, (s) => {
      conforms('are the same after a write, a rename and a remount', async () => {
        // The device number is the mount's, and may be another for another mount.
        const { ino } = identity(s.path('file'));
        overwrite(s.path('file'), 'new');
        succeeds(calls.rename(s.path('file'), s.path('new')));
        await remount();
        assert.equal(identity(s.path('new')).ino, ino);
        assert.equal(identity(s.path('new')).listed, ino);
      });
      conforms('have one device for files and directories', () => {
        assert.equal(calls.lstat(s.path('other')).dev, calls.lstat(s.path('directory')).dev);
      });
    });
  });

  describe('a file that is unlinked while it is open', () => {
    subjects(prepare, (s) => {
      conforms('keeps its inode number and has no links', () => {
        const { ino } = calls.lstat(s.path('file'));
        const fd = succeeds(calls.open(s.path('file'), calls.O_RDWR));
        succeeds(calls.unlink(s.path('file')));
        calls.pwrite(fd, Buffer.from('new'), 3, 0);
        const stat = new Stat();
        succeeds(statFd(fd, stat));
        assert.equal(stat.ino, ino);
        assert.equal(stat.nlink, 0);
      });
    });
  });

  describe('hard links', () => {
    subjects(prepare, (s) => {
      conforms('are one file: number, link count, contents, mode and times', () => {
        assert.equal(calls.lstat(s.path('first')).ino, calls.lstat(s.path('second')).ino);
        assert.equal(calls.lstat(s.path('first')).nlink, 2);
        overwrite(s.path('first'), 'CONTENTS');
        assert.equal(readFileSync(s.path('second'), 'utf8'), 'CONTENTS');
        succeeds(calls.chmod(s.path('second'), 0o640));
        succeeds(calls.utimens(s.path('second'), 7, 7, 7, 7));
        assert.deepEqual(calls.lstat(s.path('first')), calls.lstat(s.path('second')));
        succeeds(calls.link(s.path('second'), s.path('third')));
        assert.equal(calls.lstat(s.path('first')).nlink, 3);
        succeeds(calls.unlink(s.path('first')));
        assert.equal(calls.lstat(s.path('third')).nlink, 2);
      });
      conforms('are one file after a remount', async () => {
        await remount();
        assert.equal(calls.lstat(s.path('second')).ino, calls.lstat(s.path('third')).ino);
        overwrite(s.path('third'), 'again');
        assert.equal(readFileSync(s.path('second'), 'utf8'), 'againNTS');
      });
    });
  });

  describe('link counts of hard links', () => {
    subjects(prepare, (s) => {
      conforms('are right after a name was removed and after a remount', async () => {
        succeeds(calls.unlink(s.path('first')));
        assert.equal(calls.lstat(s.path('second')).nlink, 1);
        await remount();
        assert.equal(calls.lstat(s.path('second')).nlink, 1);
      });
    });
  });

  describe('link counts of directories', () => {
    subjects(prepare, (s) => {
      conforms('count subdirectories, or are 1', () => {
        const { nlink } = calls.lstat(s.path());
        assert([1, 3].includes(nlink), `${nlink}`);
        succeeds(calls.mkdir(s.path('new')));
        assert.equal(calls.lstat(s.path()).nlink, nlink === 1 ? 1 : 4);
      });
    });
  });
});
