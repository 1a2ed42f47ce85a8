import { InHeader, WriteIn } from './protocol';

const HIGH = 0x1_0000_0000;

/** The largest WRITE that the driver takes, bytes. */
export const MAX_WRITE = 1 << 20;

/**
 * The request at hand, decoded in place. One object serves all requests, so that none costs an allocation: what
 * it returns is valid until the next request is read. Offsets of arguments count from the end of the header.
 */
export class Request {
  /** Where the kernel puts a request; its size is the least for which the kernel hands out a WRITE of MAX_WRITE. */
  readonly buffer = Buffer.allocUnsafeSlow(InHeader.SIZE + WriteIn.SIZE + MAX_WRITE);
  /** The bytes that a WRITE carries. */
  readonly written = this.buffer.subarray(InHeader.SIZE + WriteIn.SIZE);
  readonly #view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length);

  /** Whole length, header included. */
  get length(): number {
    return this.#view.getUint32(InHeader.len, true);
  }

  get opcode(): number {
    return this.#view.getUint32(InHeader.opcode, true);
  }

  /** The request's number in two halves: a reply repeats it, nobody computes with it. */
  get uniqueLow(): number {
    return this.#view.getUint32(InHeader.unique, true);
  }

  get uniqueHigh(): number {
    return this.#view.getUint32(InHeader.unique + 4, true);
  }

  get nodeid(): number {
    return this.u64(InHeader.nodeid - InHeader.SIZE);
  }

  get uid(): number {
    return this.#view.getUint32(InHeader.uid, true);
  }

  get gid(): number {
    return this.#view.getUint32(InHeader.gid, true);
  }

  /** The thread that asks; 0 for what the kernel does by itself. */
  get pid(): number {
    return this.#view.getUint32(InHeader.pid, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(InHeader.SIZE + offset, true);
  }

  u64(offset: number): number {
    const at = InHeader.SIZE + offset;
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * HIGH;
  }

  /** A signed number, such as the seconds of a time before 1970. */
  i64(offset: number): number {
    const at = InHeader.SIZE + offset;
    return this.#view.getUint32(at, true) + this.#view.getInt32(at + 4, true) * HIGH;
  }

  /** The NUL-terminated byte string at `offset`. A second one starts its length plus one further on. */
  name(offset: number): string {
    const start = InHeader.SIZE + offset;
    return this.buffer.toString('latin1', start, this.buffer.indexOf(0, start));
  }

  /** `length` bytes at `offset`. */
  bytes(offset: number, length: number): Buffer {
    const start = InHeader.SIZE + offset;
    return this.buffer.subarray(start, start + length);
  }
}
