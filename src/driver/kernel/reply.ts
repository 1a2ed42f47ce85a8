import type { Stat } from '../../sys/stat';
import { Attr, OutHeader } from './protocol';
import { MAX_WRITE } from './request';

const HIGH = 0x1_0000_0000;

/** Size of the preferred read and write that `stat` reports: a page, which a write need not read first. */
const PREFERRED_BLOCK = 4096;

/** The reply in the making. One object serves all requests; offsets count from the end of the header. */
export class Reply {
  readonly buffer = Buffer.allocUnsafeSlow(OutHeader.SIZE + MAX_WRITE);
  /** What follows the header. */
  readonly payload = this.buffer.subarray(OutHeader.SIZE);
  readonly #view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length);

  /** Writes the header for a payload of `length` bytes; returns the length of the whole message. */
  seal(length: number, error: number, uniqueLow: number, uniqueHigh: number): number {
    const whole = OutHeader.SIZE + length;
    this.#view.setUint32(OutHeader.len, whole, true);
    this.#view.setInt32(OutHeader.error, error, true);
    this.#view.setUint32(OutHeader.unique, uniqueLow, true);
    this.#view.setUint32(OutHeader.unique + 4, uniqueHigh, true);
    return whole;
  }

  u16(offset: number, value: number): void {
    this.#view.setUint16(OutHeader.SIZE + offset, value, true);
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(OutHeader.SIZE + offset, value, true);
  }

  /** A 64-bit number, signed or not. */
  u64(offset: number, value: number): void {
    const at = OutHeader.SIZE + offset;
    this.#view.setUint32(at, value, true);
    this.#view.setInt32(at + 4, Math.floor(value / HIGH), true);
  }

  fill(offset: number, length: number): void {
    this.payload.fill(0, offset, offset + length);
  }

  /** `struct fuse_attr` */
  attr(offset: number, stat: Stat): void {
    this.u64(offset + Attr.ino, stat.ino);
    this.u64(offset + Attr.size, stat.size);
    this.u64(offset + Attr.blocks, stat.blocks);
    this.u64(offset + Attr.atime, stat.atime);
    this.u64(offset + Attr.mtime, stat.mtime);
    this.u64(offset + Attr.ctime, stat.ctime);
    this.u32(offset + Attr.atimensec, stat.atimeNsec);
    this.u32(offset + Attr.mtimensec, stat.mtimeNsec);
    this.u32(offset + Attr.ctimensec, stat.ctimeNsec);
    this.u32(offset + Attr.mode, stat.mode);
    this.u32(offset + Attr.nlink, stat.nlink);
    this.u32(offset + Attr.uid, stat.uid);
    this.u32(offset + Attr.gid, stat.gid);
    this.u32(offset + Attr.rdev, stat.rdev);
    this.u32(offset + Attr.blksize, PREFERRED_BLOCK);
    this.u32(offset + Attr.flags, 0);
  }
}
