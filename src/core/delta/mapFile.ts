import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { check, E, FsError } from '../../sys/errno';
import { close, fdatasync, pread, pwrite } from '../../sys/file';
import { Stat, statFd } from '../../sys/stat';
import { BlockMap } from './blockMap';

/** Where a page's last durable copy is, and its checksum. */
interface DurablePage {
  readonly place: number;
  readonly sum: number;
}

/**
 * The file that keeps a block map; docs/SCRATCH-FORMAT.md draws it. Each page of bits has three places:
 *
 * - a live one, written with every change and never synced. It survives the death of the daemon, as the kernel keeps
 *   what was written; it must not be believed after a power loss, when its bits may have reached the disk before
 *   their blocks did.
 * - two durable ones, written in turn after the blocks were made durable. A header says which generation of them is
 *   complete, and has a checksum over all of it.
 */
const PAGE = 4096;
/** Bits in a page, after its sequence number and checksum. */
const PAGE_HEADER = 16;
export const PAGE_BYTES = PAGE - PAGE_HEADER;
const HEADERS = 3;
const LIVE = 0;
const MAGIC = 'COWDELTA';
const VERSION = 1;

interface Header {
  readonly generation: number;
  /** Bytes of the base from here on are not shown, whatever the bits say: the file was once no longer than this. */
  readonly baseLimit: number;
  readonly pages: number;
  /** Checksum over the checksums of all pages. */
  readonly root: number;
  /** Of the live header: the boot in which it was written. */
  readonly boot: string;
}

export class MapFile {
  readonly map: BlockMap;
  baseLimit: number;
  readonly #fd: number;
  #generation: number;
  /** Pages whose durable place is behind. */
  readonly #dirty = new Set<number>();
  readonly #durable: DurablePage[];
  #limitDirty: boolean;

  private constructor(fd: number, state: LoadedState) {
    this.#fd = fd;
    this.map = state.map;
    this.baseLimit = state.baseLimit;
    this.#generation = state.generation;
    this.#durable = state.durable;
    for (const page of state.dirty) this.#dirty.add(page);
    this.#limitDirty = state.limitDirty;
  }

  /** Starts an empty map in an empty file. @param fd owned by the map from now on */
  static create(fd: number, baseLimit: number): MapFile {
    const file = new MapFile(fd, {
      map: new BlockMap(),
      baseLimit,
      generation: 0,
      durable: [],
      dirty: [],
      limitDirty: true,
      live: false,
    });
    file.#writeLive();
    file.sync();
    return file;
  }

  /** @throws FsError EIO when it is damaged */
  static open(fd: number, what: string): MapFile {
    const state = load(fd, what);
    const file = new MapFile(fd, state);
    if (!state.live) file.#writeLive();
    return file;
  }

  close(): void {
    close(this.#fd);
  }

  /** Whether {@link sync} has something to do. */
  get dirty(): boolean {
    return this.#dirty.size > 0 || this.#limitDirty;
  }

  /** Sets or clears bits. Their blocks must be written before. */
  fill(start: number, end: number, value: boolean): void {
    if (!this.map.fill(start, end, value)) return;
    const last = Math.floor((end - 1) / (PAGE_BYTES * 8));
    for (let page = Math.floor(start / (PAGE_BYTES * 8)); page <= last; page++) {
      this.#writePage(page, LIVE, 0);
      this.#dirty.add(page);
    }
  }

  /** Lowers the limit below which the base's bytes show. */
  lowerLimit(limit: number): void {
    if (limit >= this.baseLimit) return;
    this.baseLimit = limit;
    this.#limitDirty = true;
    this.#writeHeader(LIVE);
  }

  /** Whether the limit was lowered and a power loss would forget it. */
  get limitDirty(): boolean {
    return this.#limitDirty;
  }

  /** Makes the map durable. The blocks must be durable before. */
  sync(): void {
    if (!this.dirty && this.#generation > 0) return;
    const generation = this.#generation + 1;
    for (const page of this.#dirty) {
      while (this.#durable.length <= page) this.#durable.push(NEVER_WRITTEN);
      const place = this.#durable[page]!.place === 1 ? 2 : 1;
      this.#durable[page] = { place, sum: this.#writePage(page, place, generation) };
    }
    // Pages before the header that believes them.
    if (this.#dirty.size > 0) check(fdatasync(this.#fd), 'block map');
    this.#generation = generation;
    this.#writeHeader(1 + (generation % 2));
    check(fdatasync(this.#fd), 'block map');
    this.#dirty.clear();
    this.#limitDirty = false;
  }

  /** Brings the live places up to what is believed at the start. */
  #writeLive(): void {
    this.#durable.forEach((_, page) => this.#writePage(page, LIVE, 0));
    this.#writeHeader(LIVE);
  }

  #writePage(page: number, place: number, generation: number): number {
    const bytes = Buffer.alloc(PAGE);
    bytes.set(this.map.bytes(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), PAGE_HEADER);
    bytes.writeUInt32LE(generation, 0);
    bytes.writeUInt32LE(page, 4);
    const sum = crc32(bytes);
    bytes.writeUInt32LE(sum, 8);
    writeAll(this.#fd, bytes, pageOffset(page, place));
    return sum;
  }

  #writeHeader(place: number): void {
    writeAll(
      this.#fd,
      encodeHeader({
        generation: this.#generation,
        baseLimit: this.baseLimit,
        pages: this.#durable.length,
        root: rootOf(this.#durable),
        boot: place === LIVE ? bootId() : '',
      }),
      place * PAGE,
    );
  }
}

interface LoadedState {
  map: BlockMap;
  baseLimit: number;
  generation: number;
  durable: DurablePage[];
  dirty: number[];
  limitDirty: boolean;
  /** Whether the live places can be believed. */
  live: boolean;
}

const NEVER_WRITTEN: DurablePage = { place: 0, sum: 0 };

function pageOffset(page: number, place: number): number {
  return (HEADERS + page * 3 + place) * PAGE;
}

function rootOf(pages: readonly DurablePage[]): number {
  return crc32(Buffer.from(Uint32Array.from(pages, ({ sum }) => sum).buffer));
}

function writeAll(fd: number, bytes: Buffer, offset: number): void {
  const written = check(pwrite(fd, bytes, bytes.length, offset), 'block map');
  if (written < bytes.length) throw new FsError(E.ENOSPC, 'block map');
}

function encodeHeader(header: Header): Buffer {
  const out = Buffer.alloc(PAGE);
  out.write(MAGIC, 0, 'latin1');
  out.writeUInt32LE(VERSION, 8);
  out.writeUInt32LE(header.generation, 12);
  out.writeBigUInt64LE(BigInt(header.baseLimit), 16);
  out.writeUInt32LE(header.pages, 24);
  out.writeUInt32LE(header.root, 28);
  out.write(header.boot, 32, 64, 'latin1');
  out.writeUInt32LE(crc32(out.subarray(0, PAGE - 4)), PAGE - 4);
  return out;
}

function decodeHeader(bytes: Buffer): Header | null {
  const valid =
    bytes.toString('latin1', 0, 8) === MAGIC &&
    bytes.readUInt32LE(8) === VERSION &&
    bytes.readUInt32LE(PAGE - 4) === crc32(bytes.subarray(0, PAGE - 4));
  if (!valid) return null;
  return {
    generation: bytes.readUInt32LE(12),
    baseLimit: Number(bytes.readBigUInt64LE(16)),
    pages: bytes.readUInt32LE(24),
    root: bytes.readUInt32LE(28),
    boot: bytes.toString('latin1', 32, 96).replace(/\0+$/, ''),
  };
}

function load(fd: number, what: string): LoadedState {
  const damaged = (): FsError => new FsError(E.EIO, `${what}: its block map is damaged`);
  const headers = [0, 1, 2].map((place) => decodeHeader(readPage(fd, place * PAGE)));
  const [live, a, b] = headers;
  const durable = [a, b].filter((header) => header != null).sort((x, y) => y.generation - x.generation)[0];
  if (durable === undefined || live == null) throw damaged();
  const stat = new Stat();
  check(statFd(fd, stat), what);
  const count = Math.max(durable.pages, Math.ceil((stat.size / PAGE - HEADERS) / 3));
  const found = Array.from({ length: count }, (_, page) => durablePage(fd, page, durable.generation));
  const synced = found.map(({ place, bytes }) => ({ place, sum: bytes?.readUInt32LE(8) ?? 0 }));
  if (rootOf(synced.slice(0, durable.pages)) !== durable.root) throw damaged();
  const common = { generation: durable.generation, durable: synced.slice(0, durable.pages) };
  const durableBits = found.map(({ bytes }) => bitsOf(bytes));
  if (live.boot !== bootId()) {
    const map = joinPages(durableBits);
    return { ...common, map, baseLimit: durable.baseLimit, dirty: [], limitDirty: false, live: false };
  }
  const liveBits = found.map((_, page) => {
    const bytes = readPage(fd, pageOffset(page, LIVE));
    if (isBlank(bytes)) return bitsOf(null);
    if (!isSound(bytes, page)) throw damaged();
    return bitsOf(bytes);
  });
  return {
    ...common,
    map: joinPages(liveBits),
    baseLimit: live.baseLimit,
    dirty: liveBits.flatMap((bits, page) => (bits.equals(durableBits[page]!) ? [] : [page])),
    limitDirty: live.baseLimit !== durable.baseLimit,
    live: true,
  };
}

/** The newest sound copy of a page that belongs to a complete generation. */
function durablePage(fd: number, page: number, generation: number): { place: number; bytes: Buffer | null } {
  const found = [1, 2]
    .map((place) => ({ place, bytes: readPage(fd, pageOffset(page, place)) }))
    .filter(({ bytes }) => !isBlank(bytes) && isSound(bytes, page) && bytes.readUInt32LE(0) <= generation)
    .sort((x, y) => y.bytes.readUInt32LE(0) - x.bytes.readUInt32LE(0));
  return found[0] ?? { place: 0, bytes: null };
}

function isSound(bytes: Buffer, page: number): boolean {
  const sum = bytes.readUInt32LE(8);
  const bare = Buffer.from(bytes);
  bare.writeUInt32LE(0, 8);
  return bytes.readUInt32LE(4) === page && crc32(bare) === sum;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function bitsOf(page: Buffer | null): Buffer {
  return page === null ? Buffer.alloc(PAGE_BYTES) : page.subarray(PAGE_HEADER);
}

function joinPages(pages: readonly Buffer[]): BlockMap {
  return new BlockMap(new Uint8Array(Buffer.concat(pages)));
}

function readPage(fd: number, offset: number): Buffer {
  const bytes = Buffer.alloc(PAGE);
  check(pread(fd, bytes, PAGE, offset), 'block map');
  return bytes;
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}
