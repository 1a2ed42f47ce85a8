import { bind, cString } from './libc';

const statxCall = bind('statx', 'int', ['int', 'void *', 'int', 'unsigned int', 'void *']);
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BTIME = 0x800;
/** The basic ones and when a file was made. */
const STATX_ALL = 0x7ff | STATX_BTIME;

export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFLNK = 0o120000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;
/** The bits of a mode by which a program gets its owner's or group's rights. */
export const SET_ID = 0o6000;

/** What the kernel knows of a file; times are whole seconds and nanoseconds apart, sizes bytes, `blocks` 512-byte units. */
export class Stat {
  dev = 0;
  ino = 0;
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  rdev = 0;
  size = 0;
  blocks = 0;
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  /** When it was made, in seconds with a fraction; NaN where the file system does not say. */
  birth = Number.NaN;

  /** File type bits only. */
  get type(): number {
    return this.mode & S_IFMT;
  }
}

const buffer = Buffer.allocUnsafeSlow(256);
const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

function u64(offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

function seconds(offset: number): number {
  return view.getUint32(offset, true) + view.getInt32(offset + 4, true) * 0x1_0000_0000;
}

/** Linux's encoding of a device number in the 32 bits that FUSE and `mknod` use (`new_encode_dev`). */
function device(offset: number): number {
  const major = view.getUint32(offset, true);
  const minor = view.getUint32(offset + 4, true);
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Reads `struct statx`. */
function decode(out: Stat): void {
  out.nlink = view.getUint32(16, true);
  out.uid = view.getUint32(20, true);
  out.gid = view.getUint32(24, true);
  out.mode = view.getUint16(28, true);
  out.ino = u64(32);
  out.size = u64(40);
  out.blocks = u64(48);
  out.atime = seconds(64);
  out.atimeNsec = view.getUint32(72, true);
  out.ctime = seconds(96);
  out.ctimeNsec = view.getUint32(104, true);
  out.mtime = seconds(112);
  out.mtimeNsec = view.getUint32(120, true);
  out.rdev = device(128);
  out.dev = device(136);
  const isBirthKnown = (view.getUint32(0, true) & STATX_BTIME) !== 0;
  out.birth = isBirthKnown ? seconds(80) + view.getUint32(88, true) / 1e9 : Number.NaN;
}

/** Metadata of `name` below the directory `dirFd`, symbolic links not followed. Returns 0 or a negative errno. */
export function statAt(dirFd: number, name: string, out: Stat): number {
  const result = statxCall(dirFd, cString(name), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_ALL, buffer);
  if (result === 0) decode(out);
  return result;
}

/** Metadata of an open descriptor, `O_PATH` ones included. Returns 0 or a negative errno. */
export function statFd(fd: number, out: Stat): number {
  const result = statxCall(fd, cString(''), AT_EMPTY_PATH, STATX_ALL, buffer);
  if (result === 0) decode(out);
  return result;
}

/** When a file was made, in seconds; NaN where the file system does not say. Returns a negative errno on failure. */
export function birthAt(dirFd: number, name: string): number {
  const result = statAt(dirFd, name, born);
  return result < 0 ? result : born.birth;
}

const born = new Stat();

/** Whether two files have the same modification time, to the nanosecond. */
export function sameMtime(
  a: Pick<Stat, 'mtime' | 'mtimeNsec'>,
  b: Pick<Stat, 'mtime' | 'mtimeNsec'>,
): boolean {
  return a.mtime === b.mtime && a.mtimeNsec === b.mtimeNsec;
}
