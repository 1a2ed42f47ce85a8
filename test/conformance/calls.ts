import { strict as assert } from 'node:assert';
import { getSystemErrorName } from 'node:util';
import * as sys from '../../src/sys/file';
import { readDirectory } from '../../src/sys/directory';
import { bind } from '../../src/sys/libc';
import { Stat, statAt } from '../../src/sys/stat';

/**
 * System calls by path, as programs make them: each returns a result or a negative error number. Paths are byte
 * strings, so that names may have any bytes.
 */
export {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../../src/sys/file';
export {
  copyFileRange,
  fallocate,
  fdatasync,
  fsync,
  ftruncate,
  futimens,
  lseek,
  pread,
  pwrite,
} from '../../src/sys/file';

const here = sys.AT_FDCWD;
const strings = (path: string): Buffer => Buffer.from(`${path}\0`, 'latin1');

const libc = {
  open: bind('open64', 'int', ['void *', 'int', 'unsigned int']),
  access: bind('access', 'int', ['void *', 'int']),
  truncate: bind('truncate64', 'int', ['void *', 'int64']),
  rmdir: bind('rmdir', 'int', ['void *']),
  chmod: bind('chmod', 'int', ['void *', 'unsigned int']),
  chown: bind('chown', 'int', ['void *', 'unsigned int', 'unsigned int']),
  setxattr: bind('lsetxattr', 'int', ['void *', 'void *', 'void *', 'unsigned long', 'int']),
  getxattr: bind('lgetxattr', 'long', ['void *', 'void *', 'void *', 'unsigned long']),
  listxattr: bind('llistxattr', 'long', ['void *', 'void *', 'unsigned long']),
  getdents: bind('getdents64', 'long', ['int', 'void *', 'unsigned long']),
  removexattr: bind('lremovexattr', 'int', ['void *', 'void *']),
};

const opened = new Set<number>();

/** As `open(2)`; what is not closed when the test ends is closed then. */
export function open(path: string, flags: number, mode = 0o666): number {
  const fd = libc.open(strings(path), flags | sys.O_CLOEXEC, mode);
  if (fd >= 0) opened.add(fd);
  return fd;
}

export function close(fd: number): number {
  opened.delete(fd);
  return sys.close(fd);
}

export function closeLeftOpen(): void {
  for (const fd of opened) close(fd);
}

export const access = (path: string, mode: number): number => libc.access(strings(path), mode);
export const truncate = (path: string, size: number): number => libc.truncate(strings(path), size);
export const mkdir = (path: string, mode = 0o777): number => sys.mkdirAt(here, path, mode);
export const mknod = (path: string, mode: number, device = 0): number =>
  sys.mknodAt(here, path, mode, device);
export const link = (path: string, newPath: string): number => sys.linkAt(here, path, here, newPath);
export const symlink = (target: string, path: string): number => sys.symlinkAt(target, here, path);
export const readlink = (path: string): string | number => sys.readlinkAt(here, path);
export const unlink = (path: string): number => sys.unlinkAt(here, path);
export const rmdir = (path: string): number => libc.rmdir(strings(path));
export const rename = (path: string, newPath: string, flags = 0): number =>
  sys.renameAt(here, path, here, newPath, flags);
export const chmod = (path: string, mode: number): number => libc.chmod(strings(path), mode);
export const chown = (path: string, uid: number, gid: number): number => libc.chown(strings(path), uid, gid);
/** Does not follow a symbolic link. */
export const lchown = (path: string, uid: number, gid: number): number => sys.chownAt(here, path, uid, gid);
/** Nanoseconds may be `UTIME_NOW` or `UTIME_OMIT`; does not follow a symbolic link. */
export const utimens = (
  path: string,
  atime: number,
  atimeNsec: number,
  mtime: number,
  mtimeNsec: number,
): number => sys.utimensAt(here, path, atime, atimeNsec, mtime, mtimeNsec);

export const setXattr = (path: string, name: string, value: string | Buffer, flags = 0): number =>
  libc.setxattr(strings(path), strings(name), Buffer.from(value as string), value.length, flags);
export const removeXattr = (path: string, name: string): number =>
  libc.removexattr(strings(path), strings(name));

/** As `getxattr(2)` with a buffer of this size; 0 asks for the value's size. */
export function getXattrInto(path: string, name: string, size: number): number {
  return libc.getxattr(strings(path), strings(name), size === 0 ? null : Buffer.alloc(size), size);
}

/** The value of an attribute; undefined when there is none. */
export function getXattr(path: string, name: string): Buffer | undefined {
  const value = Buffer.alloc(65_536);
  const length = libc.getxattr(strings(path), strings(name), value, value.length);
  return length < 0 ? undefined : value.subarray(0, length);
}

/** Names of all attributes, sorted. */
export function listXattr(path: string): string[] {
  const names = Buffer.alloc(65_536);
  const length = succeeds(libc.listxattr(strings(path), names, names.length));
  return names.toString('latin1', 0, length).split('\0').slice(0, -1).sort();
}

/** Metadata of a path, a symbolic link not followed. */
export function lstat(path: string): Stat {
  const stat = new Stat();
  succeeds(statAt(here, path, stat));
  return stat;
}

/** The names in a directory, sorted. */
export function list(path: string): string[] {
  const names: string[] = [];
  succeeds(readDirectory(here, path, (name) => names.push(name)));
  return names.sort();
}

/** An entry as `getdents64(2)` tells it; seeking to its offset goes to the entry behind it. */
export interface Entry {
  readonly name: string;
  readonly ino: number;
  readonly offset: number;
}

/** The next few entries of an open directory; none at its end. */
export function nextEntries(fd: number): Entry[] {
  const buffer = Buffer.alloc(2048);
  const length = succeeds(libc.getdents(fd, buffer, buffer.length));
  const entries: Entry[] = [];
  for (let at = 0; at < length; at += buffer.readUInt16LE(at + 16)) {
    entries.push({
      ino: Number(buffer.readBigUInt64LE(at)),
      offset: Number(buffer.readBigInt64LE(at + 8)),
      name: buffer.toString('latin1', at + 19, buffer.indexOf(0, at + 19)),
    });
  }
  return entries;
}

/** Whether there is such a name, even one of a broken symbolic link. */
export function exists(path: string): boolean {
  return statAt(here, path, new Stat()) === 0;
}

/** Asserts that a call did not fail, and returns what it returned. */
export function succeeds<T extends number | string>(result: T): T {
  assert.equal(errorName(result), 'no error');
  return result;
}

/** Asserts that a call failed with this error. */
export function fails(code: string, result: number | string): void {
  assert.equal(errorName(result), code);
}

function errorName(result: number | string): string {
  return typeof result === 'number' && result < 0 ? getSystemErrorName(result) : 'no error';
}
