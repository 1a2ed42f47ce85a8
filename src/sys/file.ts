import { constants } from 'node:fs';
import { E } from './errno';
import { bind, bindAsync, cString, cString2, PATH_MAX } from './libc';

/** The directory descriptor that stands for the working directory (`AT_FDCWD`). */
export const AT_FDCWD = -100;
export const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;

export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
const { O_NOATIME } = constants;
export const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } =
  constants;

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;

export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_ZERO_RANGE = 0x10;

export const SEEK_SET = 0;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** `UTIME_NOW` and `UTIME_OMIT`, for the nanoseconds of {@link utimens}. */
export const UTIME_NOW = 0x3fffffff;
export const UTIME_OMIT = 0x3ffffffe;

const F_SETFL = 4;
const SYS_OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const FICLONE = 0x40049409;

const calls = {
  openat: bind('openat', 'int', ['int', 'void *', 'int', 'unsigned int']),
  syscall: bind('syscall', 'long', ['long', 'int', 'void *', 'void *', 'unsigned long']),
  close: bind('close', 'int', ['int']),
  fcntl: bind('fcntl', 'int', ['int', 'int', 'int']),
  read: bind('read', 'long', ['int', 'void *', 'unsigned long']),
  write: bind('write', 'long', ['int', 'void *', 'unsigned long']),
  pread: bind('pread64', 'long', ['int', 'void *', 'unsigned long', 'int64']),
  pwrite: bind('pwrite64', 'long', ['int', 'void *', 'unsigned long', 'int64']),
  ftruncate: bind('ftruncate64', 'int', ['int', 'int64']),
  fallocate: bind('fallocate64', 'int', ['int', 'int', 'int64', 'int64']),
  lseek: bind('lseek64', 'int64', ['int', 'int64', 'int']),
  fsync: bind('fsync', 'int', ['int']),
  fdatasync: bind('fdatasync', 'int', ['int']),
  syncfs: bind('syncfs', 'int', ['int']),
  syncfsAsync: bindAsync('syncfs', 'int', ['int']),
  mkdirat: bind('mkdirat', 'int', ['int', 'void *', 'unsigned int']),
  mknodat: bind('mknodat', 'int', ['int', 'void *', 'unsigned int', 'uint64']),
  symlinkat: bind('symlinkat', 'int', ['void *', 'int', 'void *']),
  linkat: bind('linkat', 'int', ['int', 'void *', 'int', 'void *', 'int']),
  unlinkat: bind('unlinkat', 'int', ['int', 'void *', 'int']),
  renameat2: bind('renameat2', 'int', ['int', 'void *', 'int', 'void *', 'unsigned int']),
  readlinkat: bind('readlinkat', 'long', ['int', 'void *', 'void *', 'unsigned long']),
  fchmod: bind('fchmod', 'int', ['int', 'unsigned int']),
  fchmodat: bind('fchmodat', 'int', ['int', 'void *', 'unsigned int', 'int']),
  fchownat: bind('fchownat', 'int', ['int', 'void *', 'unsigned int', 'unsigned int', 'int']),
  utimensat: bind('utimensat', 'int', ['int', 'void *', 'void *', 'int']),
  futimens: bind('futimens', 'int', ['int', 'void *']),
  ioctl: bind('ioctl', 'int', ['int', 'unsigned long', 'int']),
  copyFileRange: bind('copy_file_range', 'long', [
    'int',
    'void *',
    'int',
    'void *',
    'unsigned long',
    'unsigned int',
  ]),
  fstatfs: bind('fstatfs64', 'int', ['int', 'void *']),
  umask: bind('umask', 'unsigned int', ['unsigned int']),
};

/** All functions below return a result or a negative error number; see {@link check}. Names are byte strings. */

export function openAt(dirFd: number, name: string, flags: number, mode = 0): number {
  const fd = calls.openat(dirFd, cString(name), flags | O_CLOEXEC, mode);
  if ((fd !== -E.EMFILE && fd !== -E.ENFILE) || !relieve()) return fd;
  return calls.openat(dirFd, cString(name), flags | O_CLOEXEC, mode);
}

let relieve: () => boolean = () => false;

/**
 * Names who can help when this thread is out of descriptors (EMFILE, ENFILE).
 *
 * @param close closes some that nobody is using just now; returns whether it did
 */
export function whenOutOfDescriptors(close: () => boolean): void {
  relieve = close;
}

const how = Buffer.alloc(24);

/**
 * Opens a path that must stay below `dirFd`: no `..` out of it, no absolute path, no symbolic link on the way
 * (`openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`).
 */
export function openBeneath(dirFd: number, path: string, flags: number, mode = 0): number {
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH), 16);
  return calls.syscall(SYS_OPENAT2, dirFd, cString(path), how, how.length);
}

/**
 * Opens for reading without leaving an access time, for what no program asked for. Linux grants that to the owner of
 * the file and to root; others leave one.
 */
export function openQuietly(dirFd: number, name: string, flags: number): number {
  const fd = openAt(dirFd, name, flags | O_NOATIME);
  return fd === -E.EPERM ? openAt(dirFd, name, flags) : fd;
}

/** Runs what reads from a descriptor that was opened without special flags, and leaves no access time where possible. */
export function quietly<T>(fd: number, read: () => T): T {
  calls.fcntl(fd, F_SETFL, O_NOATIME);
  try {
    return read();
  } finally {
    calls.fcntl(fd, F_SETFL, 0);
  }
}

export function close(fd: number): number {
  return calls.close(fd);
}

/** Reads at the descriptor's own position, for devices and pipes. */
export function read(fd: number, buffer: Buffer, length: number): number {
  return calls.read(fd, buffer, length);
}

/** Writes at the descriptor's own position, for devices and pipes. */
export function write(fd: number, buffer: Buffer, length: number): number {
  return calls.write(fd, buffer, length);
}

/** Reads up to `length` bytes at `position` into the start of `buffer`; short only at the end of the file. */
export function pread(fd: number, buffer: Buffer, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const n = calls.pread(fd, done === 0 ? buffer : buffer.subarray(done), length - done, position + done);
    if (n === -E.EINTR) continue;
    if (n < 0) return n;
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** Writes `length` bytes of `buffer` at `position`; a count below `length` means that the device filled up. */
export function pwrite(fd: number, buffer: Buffer, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const n = calls.pwrite(fd, done === 0 ? buffer : buffer.subarray(done), length - done, position + done);
    if (n === -E.EINTR) continue;
    if (n < 0) return done > 0 ? done : n;
    done += n;
  }
  return done;
}

/**
 * Writes `length` bytes of `buffer` at `position`. Returns 0 or a negative errno: -ENOSPC when the device filled up on
 * the way.
 */
export function pwriteAll(fd: number, buffer: Buffer, length: number, position: number): number {
  const written = pwrite(fd, buffer, length, position);
  if (written < 0) return written;
  return written < length ? -E.ENOSPC : 0;
}

export function ftruncate(fd: number, size: number): number {
  return calls.ftruncate(fd, size);
}

export function fallocate(fd: number, mode: number, offset: number, length: number): number {
  return calls.fallocate(fd, mode, offset, length);
}

export function lseek(fd: number, offset: number, whence: number): number {
  return calls.lseek(fd, offset, whence);
}

export function fsync(fd: number): number {
  return calls.fsync(fd);
}

export function fdatasync(fd: number): number {
  return calls.fdatasync(fd);
}

export function syncfs(fd: number): number {
  return calls.syncfs(fd);
}

/** As {@link syncfs}, on another thread. */
export function syncfsAsync(fd: number): Promise<number> {
  return calls.syncfsAsync(fd);
}

export function mkdirAt(dirFd: number, name: string, mode: number): number {
  return calls.mkdirat(dirFd, cString(name), mode);
}

export function mknodAt(dirFd: number, name: string, mode: number, rdev: number): number {
  return calls.mknodat(dirFd, cString(name), mode, rdev);
}

export function symlinkAt(target: string, dirFd: number, name: string): number {
  return calls.symlinkat(cString2(target), dirFd, cString(name));
}

export function linkAt(dirFd: number, name: string, newDirFd: number, newName: string): number {
  return calls.linkat(dirFd, cString(name), newDirFd, cString2(newName), 0);
}

/** Gives an open file (one made with `O_TMPFILE`, say) a name. */
export function linkFd(fd: number, newDirFd: number, newName: string): number {
  return calls.linkat(
    AT_FDCWD,
    cString(`/proc/self/fd/${fd}`),
    newDirFd,
    cString2(newName),
    AT_SYMLINK_FOLLOW,
  );
}

export function unlinkAt(dirFd: number, name: string, flags = 0): number {
  return calls.unlinkat(dirFd, cString(name), flags);
}

export function renameAt(dirFd: number, name: string, newDirFd: number, newName: string, flags = 0): number {
  return calls.renameat2(dirFd, cString(name), newDirFd, cString2(newName), flags);
}

const linkTarget = Buffer.allocUnsafeSlow(PATH_MAX);

/** The target of a symbolic link as a byte string, or a negative error number. */
export function readlinkAt(dirFd: number, name: string): string | number {
  const n = calls.readlinkat(dirFd, cString(name), linkTarget, linkTarget.length);
  return n < 0 ? n : linkTarget.toString('latin1', 0, n);
}

export function fchmod(fd: number, mode: number): number {
  return calls.fchmod(fd, mode);
}

/** Changes the mode of an open file or directory, also of an `O_PATH` descriptor. */
export function chmodFd(fd: number, mode: number): number {
  return calls.fchmodat(AT_FDCWD, cString(`/proc/self/fd/${fd}`), mode, 0);
}

/** Changes the mode of a name. Linux has no mode of a symbolic link: none is followed, and one gives an error. */
export function chmodAt(dirFd: number, name: string, mode: number): number {
  const fd = openAt(dirFd, name, O_PATH | O_NOFOLLOW);
  if (fd < 0) return fd;
  const result = chmodFd(fd, mode);
  close(fd);
  return result;
}

/** Changes owner and group of a name (empty: of `dirFd` itself), a link itself included; `0xffffffff` keeps one. */
export function chownAt(dirFd: number, name: string, uid: number, gid: number): number {
  return calls.fchownat(dirFd, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
}

export function fchown(fd: number, uid: number, gid: number): number {
  return calls.fchownat(fd, cString(''), uid, gid, AT_EMPTY_PATH);
}

const times = Buffer.alloc(32);

function setTimes(atime: number, atimeNsec: number, mtime: number, mtimeNsec: number): void {
  times.writeBigInt64LE(BigInt(atime), 0);
  times.writeBigInt64LE(BigInt(atimeNsec), 8);
  times.writeBigInt64LE(BigInt(mtime), 16);
  times.writeBigInt64LE(BigInt(mtimeNsec), 24);
}

/** Sets access and modification time of a name, a link itself included. */
export function utimensAt(
  dirFd: number,
  name: string,
  atime: number,
  atimeNsec: number,
  mtime: number,
  mtimeNsec: number,
): number {
  setTimes(atime, atimeNsec, mtime, mtimeNsec);
  return calls.utimensat(dirFd, cString(name), times, AT_SYMLINK_NOFOLLOW);
}

/** Sets access and modification time of an open file (no `O_PATH` descriptor). */
export function futimens(
  fd: number,
  atime: number,
  atimeNsec: number,
  mtime: number,
  mtimeNsec: number,
): number {
  setTimes(atime, atimeNsec, mtime, mtimeNsec);
  return calls.futimens(fd, times);
}

/** Makes `toFd` share all blocks of `fromFd` (reflink), where the file system can. */
export function ficlone(fromFd: number, toFd: number): number {
  return calls.ioctl(toFd, FICLONE, fromFd);
}

const positions = Buffer.alloc(16);
const fromPosition = positions.subarray(0, 8);
const toPosition = positions.subarray(8);

/** Copies bytes between files inside the kernel; may copy fewer than asked. */
export function copyFileRange(
  fromFd: number,
  fromOffset: number,
  toFd: number,
  toOffset: number,
  length: number,
): number {
  positions.writeBigInt64LE(BigInt(fromOffset), 0);
  positions.writeBigInt64LE(BigInt(toOffset), 8);
  return calls.copyFileRange(fromFd, fromPosition, toFd, toPosition, length, 0);
}

/** Space and inodes of a file system, in its own block size. */
export interface StatFs {
  blockSize: number;
  blocks: number;
  free: number;
  available: number;
  files: number;
  freeFiles: number;
  nameLength: number;
}

const statfsBuffer = Buffer.alloc(120);

/** Reads `struct statfs64` of the file system that holds `fd`. */
export function statFsFd(fd: number, out: StatFs): number {
  const result = calls.fstatfs(fd, statfsBuffer);
  if (result < 0) return result;
  const u64 = (offset: number): number => Number(statfsBuffer.readBigUInt64LE(offset));
  out.blockSize = u64(8);
  out.blocks = u64(16);
  out.free = u64(24);
  out.available = u64(32);
  out.files = u64(40);
  out.freeFiles = u64(48);
  out.nameLength = u64(64);
  return 0;
}

/** Sets the process's file mode mask and returns the old one. */
export function umask(mask: number): number {
  return calls.umask(mask);
}
