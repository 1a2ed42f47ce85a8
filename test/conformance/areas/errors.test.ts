import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../../src/sys/file';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO } from '../../../src/sys/stat';
import { XATTR_CREATE, XATTR_REPLACE } from '../../../src/sys/xattr';
import * as calls from '../calls';
import { fails } from '../calls';
import { conforms, subjects } from '../fixture';
import { asStranger } from '../users';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = calls;
const LONG_NAME = 'n'.repeat(256);
const LONG_PATH = `${'directory/'.repeat(410)}file`;
const W_OK = 2;

/** What the cases below fail on. */
function prepare(directory: string): void {
  writeFileSync(`${directory}/file`, 'contents');
  writeFileSync(`${directory}/other`, 'other');
  mkdirSync(`${directory}/empty`);
  mkdirSync(`${directory}/full`);
  writeFileSync(`${directory}/full/child`, '');
  mkdirSync(`${directory}/full/sub`);
  symlinkSync('nowhere', `${directory}/dangling`);
  symlinkSync('loop', `${directory}/loop`);
  symlinkSync('full', `${directory}/linkToFull`);
  mkdirSync(`${directory}/open`);
  chmodSync(`${directory}/open`, 0o777);
  mkdirSync(`${directory}/closed`, { mode: 0o755 });
  writeFileSync(`${directory}/closed/private`, '', { mode: 0o600 });
}

type Call = (at: (name: string) => string) => number | string;

/** By system call: the expected error, and what causes it. */
const cases: Readonly<Record<string, readonly (readonly [code: string, cause: string, call: Call])[]>> = {
  open: [
    ['ENOENT', 'a name that is not there', (at) => calls.open(at('none'), O_RDONLY)],
    ['ENOENT', 'a broken link', (at) => calls.open(at('dangling'), O_RDONLY)],
    ['ENOTDIR', 'a file as a directory', (at) => calls.open(at('file/x'), O_RDONLY)],
    ['ENOTDIR', 'O_DIRECTORY of a file', (at) => calls.open(at('file'), O_RDONLY | O_DIRECTORY)],
    ['EISDIR', 'a directory for writing', (at) => calls.open(at('full'), O_WRONLY)],
    ['EISDIR', 'O_CREAT of a directory', (at) => calls.open(at('full'), O_RDONLY | O_CREAT)],
    ['EISDIR', 'O_TRUNC of a directory', (at) => calls.open(at('full'), O_RDWR | O_TRUNC)],
    ['ELOOP', 'a link to itself', (at) => calls.open(at('loop'), O_RDONLY)],
    ['ELOOP', 'O_NOFOLLOW of a link', (at) => calls.open(at('linkToFull'), O_RDONLY | O_NOFOLLOW)],
    ['EEXIST', 'O_EXCL of a file', (at) => calls.open(at('file'), O_WRONLY | O_CREAT | O_EXCL)],
    ['EEXIST', 'O_EXCL of a broken link', (at) => calls.open(at('dangling'), O_WRONLY | O_CREAT | O_EXCL)],
    [
      'ENOENT',
      'O_CREAT in a directory that is not there',
      (at) => calls.open(at('none/x'), O_WRONLY | O_CREAT),
    ],
    ['ENAMETOOLONG', 'a name of 256 bytes', (at) => calls.open(at(LONG_NAME), O_RDONLY)],
    [
      'ENAMETOOLONG',
      'O_CREAT with a name of 256 bytes',
      (at) => calls.open(at(LONG_NAME), O_WRONLY | O_CREAT),
    ],
    ['ENAMETOOLONG', 'a path beyond PATH_MAX', (at) => calls.open(at(LONG_PATH), O_RDONLY)],
  ],
  mkdir: [
    ['EEXIST', 'over a file', (at) => calls.mkdir(at('file'))],
    ['EEXIST', 'over a directory', (at) => calls.mkdir(at('empty'))],
    ['EEXIST', 'over a broken link', (at) => calls.mkdir(at('dangling'))],
    ['ENOENT', 'below a name that is not there', (at) => calls.mkdir(at('none/x'))],
    ['ENOTDIR', 'below a file', (at) => calls.mkdir(at('file/x'))],
    ['ENAMETOOLONG', 'a name of 256 bytes', (at) => calls.mkdir(at(LONG_NAME))],
  ],
  mknod: [
    ['EEXIST', 'over a file', (at) => calls.mknod(at('file'), S_IFIFO | 0o600)],
    ['ENOENT', 'below a name that is not there', (at) => calls.mknod(at('none/x'), S_IFIFO | 0o600)],
    ['ENOTDIR', 'below a file', (at) => calls.mknod(at('file/x'), S_IFIFO | 0o600)],
    ['EPERM', 'a directory', (at) => calls.mknod(at('new'), S_IFDIR | 0o700)],
    ['ENAMETOOLONG', 'a name of 256 bytes', (at) => calls.mknod(at(LONG_NAME), S_IFIFO | 0o600)],
  ],
  link: [
    ['ENOENT', 'of a name that is not there', (at) => calls.link(at('none'), at('new'))],
    ['EEXIST', 'over a file', (at) => calls.link(at('file'), at('other'))],
    ['EEXIST', 'over itself', (at) => calls.link(at('file'), at('file'))],
    ['EEXIST', 'over a directory', (at) => calls.link(at('file'), at('empty'))],
    ['EPERM', 'of a directory', (at) => calls.link(at('empty'), at('new'))],
    ['ENOTDIR', 'below a file', (at) => calls.link(at('file'), at('other/x'))],
    ['EXDEV', 'from another file system', (at) => calls.link('/proc/self/status', at('new'))],
    ['ENAMETOOLONG', 'a name of 256 bytes', (at) => calls.link(at('file'), at(LONG_NAME))],
  ],
  symlink: [
    ['EEXIST', 'over a file', (at) => calls.symlink('x', at('file'))],
    ['EEXIST', 'over a broken link', (at) => calls.symlink('x', at('dangling'))],
    ['ENOENT', 'an empty target', (at) => calls.symlink('', at('new'))],
    ['ENOTDIR', 'below a file', (at) => calls.symlink('x', at('file/x'))],
    ['ENAMETOOLONG', 'a target beyond PATH_MAX', (at) => calls.symlink('x'.repeat(4096), at('new'))],
    ['ENAMETOOLONG', 'a name of 256 bytes', (at) => calls.symlink('x', at(LONG_NAME))],
  ],
  readlink: [
    ['EINVAL', 'of a file', (at) => calls.readlink(at('file'))],
    ['EINVAL', 'of a directory', (at) => calls.readlink(at('full'))],
    ['ENOENT', 'of a name that is not there', (at) => calls.readlink(at('none'))],
  ],
  unlink: [
    ['ENOENT', 'of a name that is not there', (at) => calls.unlink(at('none'))],
    ['EISDIR', 'of a directory', (at) => calls.unlink(at('empty'))],
    ['ENOTDIR', 'below a file', (at) => calls.unlink(at('file/x'))],
    ['ENOTDIR', 'of a file with a slash behind it', (at) => calls.unlink(`${at('file')}/`)],
    ['ENAMETOOLONG', 'a name of 256 bytes', (at) => calls.unlink(at(LONG_NAME))],
  ],
  rmdir: [
    ['ENOENT', 'of a name that is not there', (at) => calls.rmdir(at('none'))],
    ['ENOTDIR', 'of a file', (at) => calls.rmdir(at('file'))],
    ['ENOTDIR', 'of a link to a directory', (at) => calls.rmdir(at('linkToFull'))],
    ['ENOTEMPTY', 'of a directory that is not empty', (at) => calls.rmdir(at('full'))],
    ['ENOTEMPTY', 'of ..', (at) => calls.rmdir(`${at('full')}/sub/..`)],
    ['EINVAL', 'of .', (at) => calls.rmdir(`${at('empty')}/.`)],
  ],
  rename: [
    ['ENOENT', 'of a name that is not there', (at) => calls.rename(at('none'), at('new'))],
    ['ENOENT', 'into a directory that is not there', (at) => calls.rename(at('file'), at('none/x'))],
    ['ENOTDIR', 'into a file', (at) => calls.rename(at('file'), at('other/x'))],
    ['ENOTDIR', 'of a directory over a file', (at) => calls.rename(at('empty'), at('file'))],
    ['EISDIR', 'of a file over a directory', (at) => calls.rename(at('file'), at('empty'))],
    ['ENOTEMPTY', 'of a directory over one that is not empty', (at) => calls.rename(at('empty'), at('full'))],
    ['EINVAL', 'of a directory into itself', (at) => calls.rename(at('full'), at('full/sub/x'))],
    ['ENOTEMPTY', 'of a directory over one above it', (at) => calls.rename(at('full/sub'), at('full'))],
    ['EBUSY', 'of .', (at) => calls.rename(`${at('full')}/.`, at('new'))],
    ['EXDEV', 'to another file system', (at) => calls.rename(at('file'), '/dev/shm/cowspace-none')],
    ['ENAMETOOLONG', 'to a name of 256 bytes', (at) => calls.rename(at('file'), at(LONG_NAME))],
    ['EEXIST', 'NOREPLACE over a file', (at) => calls.rename(at('file'), at('other'), RENAME_NOREPLACE)],
    ['EEXIST', 'NOREPLACE over a directory', (at) => calls.rename(at('full'), at('empty'), RENAME_NOREPLACE)],
    [
      'ENOENT',
      'EXCHANGE with what is not there',
      (at) => calls.rename(at('file'), at('none'), RENAME_EXCHANGE),
    ],
    [
      'EINVAL',
      'EXCHANGE with what is below',
      (at) => calls.rename(at('full'), at('full/sub'), RENAME_EXCHANGE),
    ],
    [
      'EINVAL',
      'EXCHANGE and NOREPLACE',
      (at) => calls.rename(at('file'), at('other'), RENAME_EXCHANGE | RENAME_NOREPLACE),
    ],
  ],
  chmod: [
    ['ENOENT', 'of a name that is not there', (at) => calls.chmod(at('none'), 0o600)],
    ['ENOENT', 'of a broken link', (at) => calls.chmod(at('dangling'), 0o600)],
    ['ENOTDIR', 'below a file', (at) => calls.chmod(at('file/x'), 0o600)],
    ['ELOOP', 'of a link to itself', (at) => calls.chmod(at('loop'), 0o600)],
  ],
  chown: [
    ['ENOENT', 'of a name that is not there', (at) => calls.chown(at('none'), 0, 0)],
    ['ENOTDIR', 'below a file', (at) => calls.chown(at('file/x'), 0, 0)],
    ['ELOOP', 'of a link to itself', (at) => calls.chown(at('loop'), 0, 0)],
  ],
  truncate: [
    ['ENOENT', 'of a name that is not there', (at) => calls.truncate(at('none'), 0)],
    ['EISDIR', 'of a directory', (at) => calls.truncate(at('full'), 0)],
    ['ENOTDIR', 'below a file', (at) => calls.truncate(at('file/x'), 0)],
    ['EINVAL', 'to a negative size', (at) => calls.truncate(at('file'), -1)],
    ['EINVAL', 'of a descriptor for reading', (at) => calls.ftruncate(calls.open(at('file'), O_RDONLY), 0)],
  ],
  utimensat: [
    ['ENOENT', 'of a name that is not there', (at) => calls.utimens(at('none'), 1, 0, 1, 0)],
    ['ENOTDIR', 'below a file', (at) => calls.utimens(at('file/x'), 1, 0, 1, 0)],
    ['EINVAL', 'with too many nanoseconds', (at) => calls.utimens(at('file'), 1, 1e9, 1, 0)],
  ],
  'read and write': [
    [
      'EBADF',
      'of a descriptor for reading',
      (at) => calls.pwrite(calls.open(at('file'), O_RDONLY), Buffer.alloc(1), 1, 0),
    ],
    [
      'EBADF',
      'from a descriptor for writing',
      (at) => calls.pread(calls.open(at('file'), O_WRONLY), Buffer.alloc(1), 1, 0),
    ],
    [
      'EISDIR',
      'of a directory',
      (at) => calls.pread(calls.open(at('full'), O_RDONLY), Buffer.alloc(1), 1, 0),
    ],
    [
      'EINVAL',
      'at a negative position',
      (at) => calls.pread(calls.open(at('file'), O_RDONLY), Buffer.alloc(1), 1, -1),
    ],
  ],
  'extended attributes': [
    ['ENODATA', 'reading one that is not there', (at) => calls.getXattrInto(at('file'), 'user.none', 0)],
    ['ENODATA', 'removing one that is not there', (at) => calls.removeXattr(at('file'), 'user.none')],
    [
      'ENODATA',
      'replacing one that is not there',
      (at) => calls.setXattr(at('file'), 'user.none', 'x', XATTR_REPLACE),
    ],
    [
      'EEXIST',
      'creating one that is there',
      (at) =>
        calls.succeeds(calls.setXattr(at('file'), 'user.a', 'value')) ||
        calls.setXattr(at('file'), 'user.a', 'x', XATTR_CREATE),
    ],
    [
      'ERANGE',
      'too small a buffer',
      (at) => calls.setXattr(at('other'), 'user.a', 'value') || calls.getXattrInto(at('other'), 'user.a', 2),
    ],
    ['EPERM', 'a user attribute of a symbolic link', (at) => calls.setXattr(at('dangling'), 'user.a', 'x')],
    ['ENOENT', 'of a name that is not there', (at) => calls.setXattr(at('none'), 'user.a', 'x')],
    ['ENOTSUP', 'a name without a namespace', (at) => calls.setXattr(at('file'), 'plain', 'x')],
    ['ERANGE', 'a name of 256 bytes', (at) => calls.setXattr(at('file'), `user.${'n'.repeat(251)}`, 'x')],
    ['E2BIG', 'a value beyond 64 KiB', (at) => calls.setXattr(at('file'), 'user.b', 'x'.repeat(65_537))],
  ],
};

/** What someone else may not do. */
const forbidden: readonly (readonly [code: string, what: string, call: Call])[] = [
  ['EACCES', 'open for reading', (at) => calls.open(at('closed/private'), O_RDONLY)],
  ['EACCES', 'open for writing', (at) => calls.open(at('file'), O_WRONLY)],
  ['EACCES', 'access', (at) => calls.access(at('file'), W_OK) || calls.open(at('file'), O_RDWR)],
  ['EACCES', 'creat', (at) => calls.open(at('closed/new'), O_WRONLY | O_CREAT)],
  ['EACCES', 'mkdir', (at) => calls.mkdir(at('closed/new'))],
  ['EACCES', 'mknod', (at) => calls.mknod(at('closed/new'), S_IFIFO | 0o600)],
  ['EPERM', 'mknod of a device', (at) => calls.mknod(at('open/new'), S_IFCHR | 0o600, 0x103)],
  ['EPERM', 'mknod of a block device', (at) => calls.mknod(at('open/new'), S_IFBLK | 0o600, 0x700)],
  ['EACCES', 'symlink', (at) => calls.symlink('x', at('closed/new'))],
  ['EACCES', 'unlink', (at) => calls.unlink(at('closed/private'))],
  ['EACCES', 'rmdir', (at) => calls.rmdir(at('empty'))],
  ['EACCES', 'rename', (at) => calls.rename(at('file'), at('new'))],
  ['EPERM', 'chmod', (at) => calls.chmod(at('file'), 0o777)],
  ['EPERM', 'chown', (at) => calls.chown(at('file'), 54_321, 54_321)],
  ['EACCES', 'truncate', (at) => calls.truncate(at('file'), 0)],
  ['EPERM', 'utimensat', (at) => calls.utimens(at('file'), 1, 0, 1, 0)],
  ['EACCES', 'setxattr', (at) => calls.setXattr(at('file'), 'user.a', 'x')],
  ['EACCES', 'getxattr', (at) => calls.getXattrInto(at('closed/private'), 'user.a', 0)],
];

describe('Errors of system calls', () => {
  subjects(prepare, (subject) => {
    const at = (name: string): string => subject.path(name);
    for (const [name, rows] of Object.entries(cases)) {
      describe(name, () => {
        for (const [code, cause, call] of rows) {
          conforms(`${cause}: ${code}`, () => fails(code, call(at)));
        }
      });
    }
    describe('of someone else', () => {
      for (const [code, what, call] of forbidden) {
        conforms(
          `${what}: ${code}`,
          () =>
            fails(
              code,
              asStranger(() => call(at)),
            ),
          'root',
        );
      }
    });
  });
});
