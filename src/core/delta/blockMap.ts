/** Bytes of a block: the page size, so that what the kernel writes back needs no bytes of the base beside it. */
export const BLOCK_SIZE = 4096;

/** Consecutive blocks. */
export interface Blocks {
  /** First block. */
  readonly start: number;
  /** One past the last block. */
  readonly end: number;
}

/** Blocks that are all changed or all the base's. */
export interface Run extends Blocks {
  readonly changed: boolean;
}

/** Blocks whose bits are looked at together. A map of a large file is mostly of one kind, and long: 32 MiB for 1 TiB. */
const WORD = 32;

/** One bit for each block of a file: whether its bytes are in the scratch. */
export class BlockMap {
  #bits: Uint8Array;
  /** The same bits. */
  #words: Int32Array;

  /** @param bits the least significant bit of the first byte is block 0; a multiple of 4 bytes, with a buffer of their own */
  constructor(bits: Uint8Array = new Uint8Array(0)) {
    this.#bits = bits;
    this.#words = new Int32Array(bits.buffer);
  }

  has(block: number): boolean {
    const byte = this.#bits[byteOf(block)];
    return byte !== undefined && (byte & (1 << (block & 7))) !== 0;
  }

  /** Sets or clears the blocks from `start` up to `end`; returns whether that changed anything. */
  fill(start: number, end: number, value: boolean): boolean {
    if (value) this.#grow(end);
    let changed = false;
    for (let block = start; block < Math.min(end, this.#bits.length * 8); block++) {
      const mask = 1 << (block & 7);
      const before = this.#bits[byteOf(block)]!;
      const after = value ? before | mask : before & ~mask;
      if (after === before) continue;
      this.#bits[byteOf(block)] = after;
      changed = true;
    }
    return changed;
  }

  /** The stretch of like blocks that begins at `start`, cut at `end`. */
  runAt(start: number, end: number): Run {
    const changed = this.has(start);
    let block = start + 1;
    while (block < end && this.has(block) === changed) {
      block = block % WORD === 0 ? this.#endOfUniform(block, changed) : block + 1;
    }
    return { start, end: Math.min(block, end), changed };
  }

  /** From the first block of a word on: where words end whose blocks are all of one kind, or the block after it. */
  #endOfUniform(block: number, changed: boolean): number {
    const words = this.#words;
    const uniform = changed ? -1 : 0;
    let word = block / WORD;
    while (word < words.length && words[word] === uniform) word++;
    // Past the last word all are the base's.
    if (word === words.length && !changed) return Infinity;
    return Math.max(block + 1, word * WORD);
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
    const bits = new Uint8Array(Math.max(Math.ceil(needed / 4) * 4, this.#bits.length * 2));
    bits.set(this.#bits);
    this.#bits = bits;
    this.#words = new Int32Array(bits.buffer);
  }
}

/** By division: shifts know 32 bits only, which are the blocks of 16 TiB. */
function byteOf(block: number): number {
  return Math.floor(block / 8);
}
