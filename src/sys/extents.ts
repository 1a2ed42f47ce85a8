import { bind } from './libc';

const ioctl = bind('ioctl', 'int', ['int', 'unsigned long', 'void *']);

const FS_IOC_FIEMAP = 0xc020660b;
const FIEMAP_FLAG_SYNC = 0x1;
const FIEMAP_EXTENT_LAST = 0x1;
const FIEMAP_EXTENT_SHARED = 0x2000;
/** Unknown, delayed, encoded, encrypted, not aligned, inline, tail: the place of such an extent does not tell its bytes. */
const FIEMAP_EXTENT_ELSEWHERE = 0x2 | 0x4 | 0x8 | 0x80 | 0x100 | 0x200 | 0x400;
/** Sizes of `struct fiemap` without its extents and of `struct fiemap_extent`. */
const FIEMAP_SIZE = 32;
const FIEMAP_EXTENT_SIZE = 56;
const EXTENTS = 128;
const fiemap = Buffer.alloc(FIEMAP_SIZE + EXTENTS * FIEMAP_EXTENT_SIZE);

/** Fills `fiemap`; returns how many extents it has then, or a negative errno. */
function readExtents(fd: number, start: bigint, length: bigint, flags: number, count: number): number {
  fiemap.fill(0, 0, FIEMAP_SIZE);
  fiemap.writeBigUInt64LE(start, 0);
  fiemap.writeBigUInt64LE(length, 8);
  fiemap.writeUInt32LE(flags, 16);
  fiemap.writeUInt32LE(count, 24);
  const result = ioctl(fd, FS_IOC_FIEMAP, fiemap);
  return result < 0 ? result : fiemap.readUInt32LE(20);
}

/** Bytes of a file's blocks that it shares with no other file, or a negative errno where the file system cannot say. */
export function unsharedBytes(fd: number): number {
  let bytes = 0;
  for (let start = 0n; ;) {
    const count = readExtents(fd, start, 2n ** 63n - 1n - start, 0, EXTENTS);
    if (count < 0) return count;
    if (count === 0) return bytes;
    let flags = 0;
    for (let i = 0; i < count; i++) {
      const at = FIEMAP_SIZE + i * FIEMAP_EXTENT_SIZE;
      const length = fiemap.readBigUInt64LE(at + 16);
      flags = fiemap.readUInt32LE(at + 40);
      if ((flags & FIEMAP_EXTENT_SHARED) === 0) bytes += Number(length);
      start = fiemap.readBigUInt64LE(at) + length;
    }
    if ((flags & FIEMAP_EXTENT_LAST) !== 0) return bytes;
  }
}

/** Consecutive bytes of a file that are consecutive on its device, too. */
export interface DiskExtent {
  /** One past the last byte in the file. */
  readonly end: number;
  /** Where a byte is on the device, less where it is in the file. */
  readonly shift: bigint;
}

/**
 * The extent that has the byte at `start`, looked for up to `end`, when what was written has reached the disk. Null when
 * there is none, or the file system cannot say.
 */
export function diskExtentAt(fd: number, start: number, end: number): DiskExtent | null {
  if (readExtents(fd, BigInt(start), BigInt(end - start), FIEMAP_FLAG_SYNC, 1) !== 1) return null;
  const logical = fiemap.readBigUInt64LE(FIEMAP_SIZE);
  const physical = fiemap.readBigUInt64LE(FIEMAP_SIZE + 8);
  const length = fiemap.readBigUInt64LE(FIEMAP_SIZE + 16);
  const flags = fiemap.readUInt32LE(FIEMAP_SIZE + 40);
  if (logical > start || (flags & FIEMAP_EXTENT_ELSEWHERE) !== 0) return null;
  return { end: Number(logical + length), shift: physical - logical };
}
