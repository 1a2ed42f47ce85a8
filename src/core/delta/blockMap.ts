/** Bytes of a block: the page size, so that what the kernel writes back needs no bytes of the base beside it. */
export const BLOCK_SIZE = 4096;

/** A stretch of blocks that are all changed or all the base's. */
export interface Run {
  /** First block. */
  readonly start: number;
  /** One past the last block. */
  readonly end: number;
  readonly changed: boolean;
}

/** One bit for each block of a file: whether its bytes are in the scratch. */
export class BlockMap {
  #bits: Uint8Array;

  /** @param bits the least significant bit of the first byte is block 0 */
  constructor(bits: Uint8Array = new Uint8Array(0)) {
    this.#bits = bits;
  }

  has(block: number): boolean {
    const byte = this.#bits[block >>> 3];
    return byte !== undefined && (byte & (1 << (block & 7))) !== 0;
  }

  /** Sets or clears the blocks from `start` up to `end`; returns whether that changed anything. */
  fill(start: number, end: number, value: boolean): boolean {
    if (value) this.#grow(end);
    let changed = false;
    for (let block = start; block < Math.min(end, this.#bits.length * 8); block++) {
      const mask = 1 << (block & 7);
      const before = this.#bits[block >>> 3]!;
      const after = value ? before | mask : before & ~mask;
      if (after === before) continue;
      this.#bits[block >>> 3] = after;
      changed = true;
    }
    return changed;
  }

  /** The stretch of like blocks that begins at `start`, cut at `end`. */
  runAt(start: number, end: number): Run {
    const changed = this.has(start);
    const uniform = changed ? 0xff : 0x00;
    const known = this.#bits.length * 8;
    let block = start + 1;
    while (block < end) {
      if (block >= known) return { start, end: changed ? block : end, changed };
      if ((block & 7) === 0 && (this.#bits[block >>> 3] ?? 0) === uniform) block += 8;
      else if (this.has(block) === changed) block++;
      else break;
    }
    return { start, end: Math.min(block, end), changed };
  }

  /** How many blocks from `start` up to `end` are changed. */
  count(start: number, end: number): number {
    let count = 0;
    for (let block = start; block < end;) {
      const run = this.runAt(block, end);
      if (run.changed) count += run.end - run.start;
      block = run.end;
    }
    return count;
  }

  /** The bits from one byte to another, as they are stored; zeros past the last that is set. */
  bytes(start: number, end: number): Uint8Array {
    const out = new Uint8Array(end - start);
    out.set(this.#bits.subarray(Math.min(start, this.#bits.length), Math.min(end, this.#bits.length)));
    return out;
  }

  #grow(blocks: number): void {
    const needed = Math.ceil(blocks / 8);
    if (needed <= this.#bits.length) return;
    const bits = new Uint8Array(Math.max(needed, this.#bits.length * 2));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}
