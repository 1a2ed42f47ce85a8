import { check, E, FsError } from '../../sys/errno';
import {
  close,
  fallocate,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  ftruncate,
  lseek,
  pread,
  pwrite,
  pwriteAll,
  SEEK_HOLE,
} from '../../sys/file';
import { Stat, statFd } from '../../sys/stat';
import { BLOCK_SIZE, type Run } from './blockMap';
import type { Durability } from './durability';
import type { MapFile } from './mapFile';

/** Bytes of one stretch of a file and where they are. */
export interface Extent {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** Whether the scratch holds them; else they are the base's. */
  readonly changed: boolean;
}

const block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
const otherBlock = Buffer.allocUnsafeSlow(BLOCK_SIZE);

/**
 * A large base file of which the scratch holds the changed blocks only: a sparse file at the base's own offsets, whose
 * size is the file's, and a map that says which blocks are in it. Bytes from the map's limit on are never the base's.
 */
export class DeltaFile {
  readonly dataFd: number;
  readonly baseFd: number;
  readonly #file: MapFile;
  readonly #durability: Durability;
  /** Whether a commit is writing the base's file, whose changed blocks nobody reads there. */
  baseInFlux = false;
  #size: number;
  #holders = 1;

  /** Takes over the descriptors. @throws FsError */
  constructor(dataFd: number, baseFd: number, map: MapFile, durability: Durability) {
    this.dataFd = dataFd;
    this.baseFd = baseFd;
    this.#file = map;
    this.#durability = durability;
    const stat = new Stat();
    check(statFd(dataFd, stat), 'block delta');
    this.#size = stat.size;
    // A truncation whose second half a crash cut off.
    if (this.#size < map.baseLimit) map.lowerLimit(this.#size);
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Bytes from here on are not the base's. */
  get baseLimit(): number {
    return this.#file.baseLimit;
  }

  /** Keeps it open for work in steps; {@link close} lets it go. */
  hold(): this {
    this.#holders++;
    return this;
  }

  /** Whether work in steps uses it. */
  get held(): boolean {
    return this.#holders > 1;
  }

  close(): void {
    if (--this.#holders > 0) return;
    close(this.dataFd);
    close(this.baseFd);
    this.#file.close();
  }

  /** The stretch of bytes that begins at `start` and is all changed or all the base's, cut at `end`. */
  extentAt(start: number, end: number): Extent {
    const limit = this.#file.baseLimit;
    if (start >= limit) return { start, end, changed: true };
    const first = Math.floor(start / BLOCK_SIZE);
    const stop = Math.ceil(Math.min(end, limit) / BLOCK_SIZE);
    const run: Run = this.#file.map.runAt(first, stop);
    const runEnd = Math.min(run.end * BLOCK_SIZE, end);
    return { start, end: run.changed ? runEnd : Math.min(runEnd, limit), changed: run.changed };
  }

  /** How many bytes of the stretch are in blocks that the scratch holds. */
  changedBytes(start: number, end: number): number {
    let bytes = 0;
    for (let at = start; at < end;) {
      const extent = this.extentAt(at, end);
      if (extent.changed) bytes += extent.end - at;
      at = extent.end;
    }
    return bytes;
  }

  /** Reads bytes into the start of `buffer`; returns how many, fewer only at the end of the file. */
  read(buffer: Buffer, length: number, position: number): number {
    const end = Math.min(position + length, this.#size);
    for (let at = position; at < end;) {
      const extent = this.extentAt(at, end);
      const part = buffer.subarray(at - position, extent.end - position);
      const got = check(pread(extent.changed ? this.dataFd : this.baseFd, part, part.length, at), 'read');
      part.fill(0, got);
      at = extent.end;
    }
    return Math.max(0, end - position);
  }

  /** Writes bytes; returns how many, fewer when the scratch is full. */
  write(buffer: Buffer, length: number, position: number): number {
    const end = position + length;
    if (end > this.#size) this.#prepareGrowth();
    this.#fillEdges(position, end);
    const written = check(pwrite(this.dataFd, buffer, length, position), 'write');
    const stop = written === length ? end : this.#cutShort(position, written);
    this.#mark(position, stop);
    this.#size = Math.max(this.#size, stop);
    return stop - position;
  }

  truncate(size: number): void {
    if (size > this.#size) this.#prepareGrowth();
    check(ftruncate(this.dataFd, size), 'truncate');
    this.#size = size;
    this.#file.lowerLimit(size);
  }

  /** As `fallocate(2)`, for the modes that the engine knows. */
  allocate(mode: number, offset: number, length: number): void {
    const keepsSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
    const end = offset + length;
    if (!keepsSize && end > this.#size) this.#prepareGrowth();
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
      this.#fillEdges(offset, end);
      check(fallocate(this.dataFd, mode, offset, length), 'fallocate');
      this.#mark(offset, Math.min(end, Math.ceil(this.baseLimit / BLOCK_SIZE) * BLOCK_SIZE));
    } else {
      check(fallocate(this.dataFd, mode, offset, length), 'fallocate');
    }
    if (!keepsSize) this.#size = Math.max(this.#size, end);
  }

  /** As `lseek(2)` with SEEK_DATA or SEEK_HOLE; returns an offset or a negative errno. */
  seek(offset: number, whence: number): number {
    if (offset >= this.#size) return -E.ENXIO;
    for (let at = offset; at < this.#size;) {
      const extent = this.extentAt(at, this.#size);
      const found = lseek(extent.changed ? this.dataFd : this.baseFd, at, whence);
      if (found >= 0 && found < extent.end) return found;
      if (found < 0 && found !== -E.ENXIO) return found;
      at = extent.end;
    }
    return whence === SEEK_HOLE ? this.#size : -E.ENXIO;
  }

  /**
   * Makes contents and map durable, in this order: no bit is ever durable before its block.
   *
   * @param metadata the inode's times and mode too
   */
  sync(metadata: boolean): void {
    const { fsync, fdatasync } = this.#durability;
    check(metadata ? fsync(this.dataFd) : fdatasync(this.dataFd), 'fsync');
    this.#file.sync();
  }

  /**
   * Lets the base's bytes show again from `start` to `end`, as far as the base has them. What the scratch holds in
   * their stead stays until {@link release}.
   */
  revert(start: number, end: number): void {
    const stop = Math.min(end, this.baseLimit, this.#size);
    const firstWhole = Math.ceil(start / BLOCK_SIZE) * BLOCK_SIZE;
    const atEnd = stop === Math.min(this.baseLimit, this.#size);
    const lastWhole = atEnd ? stop : Math.floor(stop / BLOCK_SIZE) * BLOCK_SIZE;
    if (firstWhole >= lastWhole) {
      this.#copyBase(start, Math.min(end, this.#size));
    } else {
      this.#copyBase(start, firstWhole);
      this.#copyBase(lastWhole, stop);
      this.#file.fill(firstWhole / BLOCK_SIZE, Math.ceil(lastWhole / BLOCK_SIZE), false);
      this.#copyBase(Math.max(start, this.baseLimit), Math.min(end, this.#size));
    }
    this.#dropIfEqual(Math.floor(start / BLOCK_SIZE));
    this.#dropIfEqual(Math.floor((end - 1) / BLOCK_SIZE));
  }

  /**
   * Gives back the space of blocks between `start` and `end` that are the base's again. That they are must be durable
   * first: a power loss would else bring back bits for blocks that are gone.
   */
  release(start: number, end: number): void {
    this.sync(false);
    const stop = Math.ceil(end / BLOCK_SIZE) * BLOCK_SIZE;
    for (let at = Math.floor(start / BLOCK_SIZE) * BLOCK_SIZE; at < stop;) {
      const extent = this.extentAt(at, stop);
      // A file system that cannot give back space keeps it.
      if (!extent.changed)
        fallocate(this.dataFd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, extent.end - at);
      at = extent.end;
    }
  }

  /** Lets the base's block show again when the scratch has the same bytes. */
  #dropIfEqual(which: number): void {
    const start = which * BLOCK_SIZE;
    const length = Math.min(start + BLOCK_SIZE, this.baseLimit, this.#size) - start;
    if (length <= 0 || this.#isBase(which)) return;
    const mine = block.subarray(0, length);
    const theirs = otherBlock.subarray(0, length);
    check(pread(this.dataFd, mine, length, start), 'block delta');
    check(pread(this.baseFd, theirs, length, start), 'block delta');
    if (mine.equals(theirs)) this.#file.fill(which, which + 1, false);
  }

  /** Puts the base's bytes over those of blocks that stay changed. */
  #copyBase(start: number, end: number): void {
    for (let at = start; at < end;) {
      const extent = this.extentAt(at, Math.min(end, at + BLOCK_SIZE));
      if (extent.changed) copyBytes(this.baseFd, this.dataFd, at, extent.end);
      at = extent.end;
    }
  }

  /**
   * Before the file grows again past where the base's bytes end, that end must be durable: after a power loss the
   * grown part would else show what the base has there.
   */
  #prepareGrowth(): void {
    if (!this.#file.limitDirty) return;
    check(this.#durability.fdatasync(this.dataFd), 'truncate');
    this.#file.sync();
  }

  /** Of a write that the full disk cut short, only whole blocks count. Returns where they end. */
  #cutShort(position: number, written: number): number {
    const stop = Math.floor((position + written) / BLOCK_SIZE) * BLOCK_SIZE;
    if (position + written > this.#size) check(ftruncate(this.dataFd, Math.max(this.#size, stop)), 'write');
    if (stop <= position) throw new FsError(E.ENOSPC, 'write');
    return stop;
  }

  /** Takes along the base's bytes beside a write that does not cover its first or last block. */
  #fillEdges(start: number, end: number): void {
    const first = Math.floor(start / BLOCK_SIZE);
    const last = Math.floor((end - 1) / BLOCK_SIZE);
    this.#fillBlock(first, first * BLOCK_SIZE, start);
    this.#fillBlock(last, end, (last + 1) * BLOCK_SIZE);
  }

  #fillBlock(which: number, start: number, end: number): void {
    const stop = Math.min(end, this.baseLimit);
    if (start < stop && this.#isBase(which)) copyBytes(this.baseFd, this.dataFd, start, stop);
  }

  #isBase(which: number): boolean {
    return which * BLOCK_SIZE < this.baseLimit && !this.#file.map.has(which);
  }

  /** Notes that the scratch holds these bytes; blocks that the base does not reach need no bit. */
  #mark(start: number, end: number): void {
    const stop = Math.min(Math.ceil(end / BLOCK_SIZE), Math.ceil(this.baseLimit / BLOCK_SIZE));
    const first = Math.floor(start / BLOCK_SIZE);
    if (first < stop) this.#file.fill(first, stop, true);
  }
}

function copyBytes(from: number, to: number, start: number, end: number): void {
  const got = check(pread(from, block, end - start, start), 'block delta');
  check(pwriteAll(to, block, got, start), 'block delta');
}
