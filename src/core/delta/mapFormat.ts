import { crc32 } from 'node:zlib';
import { check } from '../../sys/errno';
import { pread } from '../../sys/file';
import { Stat, statFd } from '../../sys/stat';
import { DamageError } from '../damage';
import { BLOCK_SIZE, BlockMap, type Blocks } from './blockMap';

/**
 * The file that keeps a block map; docs/SCRATCH-FORMAT.md draws it. Three headers, then pages of bits. Each header and
 * each page of bits has three places:
 *
 * - a live one, written with every change and never synced. It survives the death of the daemon, as the kernel keeps
 *   what was written; it must not be believed after a power loss, when its bits may have reached the disk before
 *   their blocks did.
 * - two durable ones, written in turn after the blocks were made durable. A header says which generation of them is
 *   complete, and has a checksum over all of it. Some blocks that were set since are in the header itself: a sync that
 *   finds few of them then waits for the header alone.
 */
export const PAGE = 4096;
/** Bytes of a page before its bits: generation, number, checksum. */
const PAGE_HEADER = 16;
/** Bytes of bits in a page. */
export const PAGE_BYTES = PAGE - PAGE_HEADER;
const PAGE_BLOCKS = PAGE_BYTES * 8;
/** Places of each header and of each page of bits. */
export const PLACES = 3;
export const HEADERS = PLACES;
export const LIVE = 0;
const MAGIC = 'COWDELTA';
/** Headers of version 1 name no blocks. */
const VERSION = 2;
/** A header's bytes, which are one sector: a disk writes those whole, so a bad checksum is damage, no torn write. */
const HEADER_BYTES = 512;
/** Where a header counts the blocks that it names, and then names them: each time 5 bytes of the first, 3 of how many. */
const SET = 96;
const SET_ENTRY = 8;
/** How often a header can name consecutive blocks, and how many of them at once. */
export const MAX_SET = Math.floor((HEADER_BYTES - 4 - SET - 4) / SET_ENTRY);
const MAX_SET_LENGTH = 0xffffff;

export interface Header {
  readonly generation: number;
  /** Bytes of the base from here on are not shown, whatever the bits say: the file was once no longer than this. */
  readonly baseLimit: number;
  /** Of a durable header: how many pages its generation has. Of the live one: how many live pages were written. */
  readonly pages: number;
  /** Of a durable header: checksum over the checksums of all its pages. */
  readonly root: number;
  /** Of the live header: the boot in which it was written. */
  readonly boot: string;
  /** Of a durable header: blocks that are set although the pages of its generation do not say so. */
  readonly set: readonly Blocks[];
}

/** Where a page's last durable copy is, and its checksum. */
export interface DurablePage {
  readonly place: number;
  readonly sum: number;
}

export const NEVER_WRITTEN: DurablePage = { place: 0, sum: 0 };

/** What a file of a map says. */
export interface LoadedMap {
  readonly map: BlockMap;
  readonly baseLimit: number;
  readonly generation: number;
  readonly durable: DurablePage[];
  /** Pages whose durable copy is behind, though the header may make up for it. */
  readonly dirty: number[];
  readonly limitDirty: boolean;
  /** Pages whose live place was written. */
  readonly livePages: number[];
  /** Whether the live places can be believed. */
  readonly live: boolean;
  /** Offsets of durable copies of a generation that never became complete. */
  readonly unfinished: number[];
}

export function pageOffset(page: number, place: number): number {
  return (HEADERS + page * PLACES + place) * PAGE;
}

/** The pages that have the bits of some blocks. */
export function pagesOf(start: number, end: number): number[] {
  const pages: number[] = [];
  for (let page = Math.floor(start / PAGE_BLOCKS); page * PAGE_BLOCKS < end; page++) pages.push(page);
  return pages;
}

export function headerOffset(place: number): number {
  return place * PAGE;
}

/** Where the header of a generation goes: not over that of the generation before. */
export function durablePlace(generation: number): number {
  return 1 + (generation % 2);
}

export function rootOf(pages: readonly DurablePage[]): number {
  return crc32(Buffer.from(Uint32Array.from(pages, ({ sum }) => sum).buffer));
}

/** Whether a header can name these blocks. */
export function fitsHeader(set: readonly Blocks[]): boolean {
  return set.length <= MAX_SET && set.every(({ start, end }) => end - start <= MAX_SET_LENGTH);
}

/** @param header whose `set` fits */
export function encodeHeader(header: Header): Buffer {
  const out = Buffer.alloc(HEADER_BYTES);
  out.write(MAGIC, 0, 'latin1');
  out.writeUInt32LE(VERSION, 8);
  out.writeUInt32LE(header.generation, 12);
  out.writeBigUInt64LE(BigInt(header.baseLimit), 16);
  out.writeUInt32LE(header.pages, 24);
  out.writeUInt32LE(header.root, 28);
  out.write(header.boot, 32, 64, 'latin1');
  out.writeUInt32LE(header.set.length, SET);
  header.set.forEach(({ start, end }, i) => {
    const at = SET + 4 + i * SET_ENTRY;
    out.writeUIntLE(start, at, 5);
    out.writeUIntLE(end - start, at + 5, 3);
  });
  out.writeUInt32LE(crc32(out.subarray(0, HEADER_BYTES - 4)), HEADER_BYTES - 4);
  return out;
}

/** Null for one that is damaged. */
function decodeHeader(bytes: Buffer): Header | null {
  const valid =
    bytes.toString('latin1', 0, 8) === MAGIC &&
    [1, VERSION].includes(bytes.readUInt32LE(8)) &&
    bytes.readUInt32LE(SET) <= MAX_SET &&
    bytes.readUInt32LE(HEADER_BYTES - 4) === crc32(bytes.subarray(0, HEADER_BYTES - 4));
  if (!valid) return null;
  return {
    generation: bytes.readUInt32LE(12),
    baseLimit: Number(bytes.readBigUInt64LE(16)),
    pages: bytes.readUInt32LE(24),
    root: bytes.readUInt32LE(28),
    boot: bytes.toString('latin1', 32, SET).replace(/\0+$/, ''),
    set: Array.from({ length: bytes.readUInt32LE(SET) }, (_, i) => {
      const at = SET + 4 + i * SET_ENTRY;
      const start = bytes.readUIntLE(at, 5);
      return { start, end: start + bytes.readUIntLE(at + 5, 3) };
    }),
  };
}

/** A page of bits with its checksum. */
export function encodePage(
  page: number,
  generation: number,
  bits: Uint8Array,
): { bytes: Buffer; sum: number } {
  const bytes = Buffer.alloc(PAGE);
  bytes.set(bits, PAGE_HEADER);
  bytes.writeUInt32LE(generation, 0);
  bytes.writeUInt32LE(page, 4);
  const sum = crc32(bytes);
  bytes.writeUInt32LE(sum, 8);
  return { bytes, sum };
}

function isSound(bytes: Buffer, page: number): boolean {
  const sum = bytes.readUInt32LE(8);
  const bare = Buffer.from(bytes);
  bare.writeUInt32LE(0, 8);
  return bytes.readUInt32LE(4) === page && crc32(bare) === sum;
}

const blank = Buffer.alloc(PAGE);

function isBlank(bytes: Buffer): boolean {
  return blank.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

function readBytes(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  check(pread(fd, bytes, length, offset), 'block map');
  return bytes;
}

/** Pages that are no burden, although the base's file needs fewer: a commit may have made it shorter. */
const PLENTY = 4096;

function pagesFor(size: number): number {
  return Math.ceil(size / BLOCK_SIZE / (PAGE_BYTES * 8));
}

/**
 * Reads a map.
 *
 * @param path of the file that the map belongs to
 * @param baseSize bytes of the base's file: a map of far more is damaged, and might not fit the memory
 * @param boot id of the running boot
 * @throws DamageError
 */
export function loadMap(fd: number, path: string, baseSize: number, boot: string): LoadedMap {
  const damaged = (): DamageError => new DamageError(path, 'its block map is damaged');
  const live = decodeHeader(readBytes(fd, headerOffset(LIVE), HEADER_BYTES));
  const header = newestHeader(fd);
  if (live === null || header === null) throw damaged();
  const stat = new Stat();
  check(statFd(fd, stat), path);
  const named = header.set.map(({ end }) => Math.ceil(end / PAGE_BLOCKS));
  const count = Math.max(header.pages, Math.ceil((stat.size / PAGE - HEADERS) / PLACES), ...named);
  const isLive = live.boot === boot;
  if (count > Math.max(pagesFor(baseSize), PLENTY)) throw damaged();
  const bits = new Uint8Array(count * PAGE_BYTES);
  const durable: DurablePage[] = [];
  const dirty: number[] = [];
  const livePages: number[] = [];
  const unfinished: number[] = [];
  for (let page = 0; page < count; page++) {
    const synced = durablePage(fd, page, page < header.pages ? header.generation : 0);
    if (page < header.pages) durable.push(synced.page);
    unfinished.push(...synced.unfinished);
    const current = readBytes(fd, pageOffset(page, LIVE), PAGE);
    if (!isBlank(current)) livePages.push(page);
    if (isLive && !isBlank(current) && !isSound(current, page)) throw damaged();
    bits.set((isLive ? current : synced.bytes).subarray(PAGE_HEADER), page * PAGE_BYTES);
    const differs = current.compare(synced.bytes, PAGE_HEADER, PAGE, PAGE_HEADER, PAGE) !== 0;
    if (isLive && differs) dirty.push(page);
  }
  const map = new BlockMap(bits);
  if (!isLive) {
    for (const { start, end } of header.set) {
      if (map.fill(start, end, true)) dirty.push(...pagesOf(start, end));
    }
  }
  if (rootOf(durable) !== header.root) throw damaged();
  // A page is written before the header that counts it.
  if (isLive && livePages.length < live.pages) throw damaged();
  return {
    map,
    baseLimit: isLive ? live.baseLimit : header.baseLimit,
    generation: header.generation,
    durable,
    dirty,
    limitDirty: isLive && live.baseLimit !== header.baseLimit,
    livePages,
    live: isLive,
    unfinished,
  };
}

/** The header of the last complete generation; null when one is damaged, as it may have been that. */
function newestHeader(fd: number): Header | null {
  const places = [1, 2].map((place) => readBytes(fd, headerOffset(place), HEADER_BYTES));
  const headers = places.map(decodeHeader);
  const [newest, older] = headers.sort((x, y) => (y?.generation ?? 0) - (x?.generation ?? 0));
  if (newest == null) return null;
  // The first generation has no other header beside it.
  const alone = newest.generation === 1 && places.some(isBlank);
  return older != null || alone ? newest : null;
}

/** The newest sound copy of a page that belongs to a complete generation. */
function durablePage(
  fd: number,
  page: number,
  generation: number,
): { page: DurablePage; bytes: Buffer; unfinished: number[] } {
  const sound = [1, 2]
    .map((place) => ({ place, bytes: readBytes(fd, pageOffset(page, place), PAGE) }))
    .filter(({ bytes }) => !isBlank(bytes) && isSound(bytes, page));
  const unfinished = sound
    .filter(({ bytes }) => bytes.readUInt32LE(0) > generation)
    .map(({ place }) => pageOffset(page, place));
  const [newest] = sound
    .filter(({ bytes }) => bytes.readUInt32LE(0) <= generation)
    .sort((x, y) => y.bytes.readUInt32LE(0) - x.bytes.readUInt32LE(0));
  if (newest === undefined) return { page: NEVER_WRITTEN, bytes: blank, unfinished };
  const { place, bytes } = newest;
  return { page: { place, sum: bytes.readUInt32LE(8) }, bytes, unfinished };
}
