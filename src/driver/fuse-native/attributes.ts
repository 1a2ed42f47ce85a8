import type { Time } from '../../core/filesystem';
import type { StatFs } from '../../sys/file';
import type { Stat } from '../../sys/stat';
import type { StatArray } from './binding';

const STAT_LENGTH = 18;
const STATFS_LENGTH = 11;
/** What programs are advised to read and write at once. */
const BLOCK_SIZE = 4096;
const HIGH = 0x1_0000_0000;
const MAX_U32 = HIGH - 1;

/** Places of the members of `struct stat` in a StatArray; sizes, blocks and times (milliseconds) take two. */
const StatField = {
  mode: 0,
  uid: 1,
  gid: 2,
  size: 3,
  nlink: 6,
  ino: 7,
  rdev: 8,
  blksize: 9,
  blocks: 10,
  atime: 12,
  mtime: 14,
  ctime: 16,
} as const;

/** Places of the members of `struct statvfs`. */
const StatfsField = {
  bsize: 0,
  frsize: 1,
  blocks: 2,
  bfree: 3,
  bavail: 4,
  files: 5,
  ffree: 6,
  favail: 7,
  namemax: 10,
} as const;

export function emptyStat(): StatArray {
  return new Uint32Array(STAT_LENGTH);
}

export function emptyStatfs(): Uint32Array {
  return new Uint32Array(STATFS_LENGTH);
}

/** What `stat` shows. */
export function statArray(stat: Stat): StatArray {
  const array = emptyStat();
  array[StatField.mode] = stat.mode;
  array[StatField.uid] = stat.uid;
  array[StatField.gid] = stat.gid;
  put(array, StatField.size, stat.size);
  array[StatField.nlink] = stat.nlink;
  array[StatField.ino] = shortInode(stat.ino);
  array[StatField.rdev] = stat.rdev;
  array[StatField.blksize] = BLOCK_SIZE;
  put(array, StatField.blocks, stat.blocks);
  put(array, StatField.atime, milliseconds(stat.atime, stat.atimeNsec));
  put(array, StatField.mtime, milliseconds(stat.mtime, stat.mtimeNsec));
  put(array, StatField.ctime, milliseconds(stat.ctime, stat.ctimeNsec));
  return array;
}

/** What a directory's entry tells: `d_ino` and `d_type`. */
export function entryArray(ino: number, type: number): StatArray {
  const array = emptyStat();
  array[StatField.mode] = type;
  array[StatField.ino] = shortInode(ino);
  return array;
}

/** What `statfs` shows. Numbers have 32 bits: a larger file system is shown with larger blocks. */
export function statfsArray(space: StatFs): Uint32Array {
  const array = emptyStatfs();
  const scale = 2 ** Math.max(0, Math.ceil(Math.log2(space.blocks / MAX_U32)));
  array[StatfsField.bsize] = space.blockSize * scale;
  array[StatfsField.frsize] = space.blockSize * scale;
  array[StatfsField.blocks] = Math.floor(space.blocks / scale);
  array[StatfsField.bfree] = Math.floor(space.free / scale);
  array[StatfsField.bavail] = Math.floor(space.available / scale);
  array[StatfsField.files] = Math.min(space.files, MAX_U32);
  array[StatfsField.ffree] = Math.min(space.freeFiles, MAX_U32);
  array[StatfsField.favail] = Math.min(space.freeFiles, MAX_U32);
  array[StatfsField.namemax] = space.nameLength;
  return array;
}

/** A 64-bit number from its halves. */
export function joined(low: number, high: number): number {
  return low + high * HIGH;
}

/** Where `fuse_thread_locals_t` has the times of UTIMENS, in milliseconds, on 64-bit Linux. */
const LOCALS_ATIME = 104;
const LOCALS_MTIME = 112;

/**
 * The times of UTIMENS. fuse-native passes the time of access twice and the modification time never; it is read from
 * the memory of the request, if that is laid out as expected.
 */
export function requestedTimes(
  locals: Buffer,
  atimeLow: number,
  atimeHigh: number,
): { atime: Time; mtime: Time } {
  const atime = (BigInt(atimeHigh) << 32n) | BigInt(atimeLow);
  const known = locals.length >= LOCALS_MTIME + 8 && locals.readBigUInt64LE(LOCALS_ATIME) === atime;
  return {
    atime: time(BigInt.asIntN(64, atime)),
    mtime: time(known ? locals.readBigInt64LE(LOCALS_MTIME) : BigInt.asIntN(64, atime)),
  };
}

function time(milliseconds: bigint): Time {
  const ms = Number(milliseconds);
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: (ms - sec * 1000) * 1_000_000 };
}

/** Times before 1970 cannot be said. */
function milliseconds(sec: number, nsec: number): number {
  return Math.max(0, sec * 1000 + Math.floor(nsec / 1_000_000));
}

function put(array: StatArray, index: number, value: number): void {
  array[index] = value % HIGH;
  array[index + 1] = Math.floor(value / HIGH);
}

/** A number as it is where 32 bits hold it, and otherwise one that another file may have too, though hardly. */
function shortInode(ino: number): number {
  const high = Math.floor(ino / HIGH);
  return high === 0 ? ino : ((ino % HIGH) ^ Math.imul(high, 0x9e3779b1)) >>> 0;
}
