import { check, E } from '../../sys/errno';
import { close, fallocate, FALLOC_FL_KEEP_SIZE, pwriteAll } from '../../sys/file';
import { BlockMap, type Blocks } from './blockMap';
import type { Durability } from './durability';
import {
  type DurablePage,
  durablePlace,
  encodeHeader,
  encodePage,
  fitsHeader,
  type Header,
  HEADERS,
  headerOffset,
  LIVE,
  loadMap,
  type LoadedMap,
  NEVER_WRITTEN,
  PAGE,
  PAGE_BYTES,
  pageOffset,
  pagesOf,
  PLACES,
  rootOf,
} from './mapFormat';

/** A block map and the file that keeps it. */
export class MapFile {
  readonly map: BlockMap;
  readonly #fd: number;
  readonly #durability: Durability;
  #baseLimit: number;
  #generation: number;
  /** Pages whose durable place is behind. */
  readonly #dirty: Set<number>;
  /** What a header can say in their stead: the blocks set since they were written. Null: more than it can. */
  #set: Blocks[] | null;
  /** Whether bits changed since the last header was written. */
  #bitsDirty: boolean;
  #durable: readonly DurablePage[];
  #limitDirty: boolean;
  /** Pages whose live place is behind: for a moment, or because the disk is full. */
  readonly #behind = new Set<number>();
  /** Pages whose live place was written, and what the live header says. */
  readonly #livePages: Set<number>;
  #liveHeader: Pick<Header, 'pages' | 'baseLimit'> | null = null;

  private constructor(fd: number, durability: Durability, state: LoadedMap) {
    this.#fd = fd;
    this.#durability = durability;
    this.map = state.map;
    this.#baseLimit = state.baseLimit;
    this.#generation = state.generation;
    this.#durable = state.durable;
    this.#dirty = new Set(state.dirty);
    this.#bitsDirty = state.dirty.length > 0;
    this.#set = state.generation === 0 ? [] : null;
    this.#limitDirty = state.limitDirty;
    this.#livePages = new Set(state.livePages);
  }

  /** Starts an empty map in an empty file. @param fd owned by the map from now on */
  static create(fd: number, baseLimit: number, durability: Durability): MapFile {
    reserve(fd, headerOffset(LIVE), HEADERS * PAGE);
    const file = new MapFile(fd, durability, {
      map: new BlockMap(),
      baseLimit,
      generation: 0,
      durable: [],
      dirty: [],
      limitDirty: true,
      livePages: [],
      live: false,
      unfinished: [],
    });
    file.sync();
    return file;
  }

  /**
   * @param fd owned by the map from now on
   * @param path byte path of the file that it belongs to
   * @param baseSize bytes of the base's file
   * @throws DamageError
   */
  static open(fd: number, path: string, baseSize: number, durability: Durability): MapFile {
    const state = loadMap(fd, path, baseSize, durability.boot);
    const file = new MapFile(fd, durability, state);
    // A page that a coming generation does not write again must not be taken for one of it.
    for (const offset of state.unfinished) writeAll(fd, Buffer.alloc(PAGE), offset);
    if (!state.live) file.#replaceLive();
    file.#catchUp();
    return file;
  }

  close(): void {
    close(this.#fd);
  }

  /** Bytes of the base from here on are not shown, whatever the bits say: the file was once no longer than this. */
  get baseLimit(): number {
    return this.#baseLimit;
  }

  /** Whether {@link sync} has something to do. */
  get dirty(): boolean {
    return this.#bitsDirty || this.#limitDirty;
  }

  /** Whether the limit was lowered and a power loss would forget it. */
  get limitDirty(): boolean {
    return this.#limitDirty;
  }

  /** Sets or clears bits. Their blocks must be written before. @throws FsError such as ENOSPC; then call it again */
  fill(start: number, end: number, value: boolean): void {
    if (this.map.fill(start, end, value)) {
      for (const page of pagesOf(start, end)) {
        this.#behind.add(page);
        this.#dirty.add(page);
      }
      this.#set = value ? withBlocks(this.#set, { start, end }) : null;
      this.#bitsDirty = true;
    }
    this.#catchUp();
  }

  /** Lowers the limit below which the base's bytes show. */
  lowerLimit(limit: number): void {
    if (limit < this.#baseLimit) {
      this.#baseLimit = limit;
      this.#limitDirty = true;
    }
    this.#catchUp();
  }

  /** Makes the map durable. The blocks must be durable before. */
  sync(): void {
    this.#catchUp();
    if (!this.dirty) return;
    const generation = this.#generation + 1;
    const set = this.#set;
    const durable = set === null ? this.#writePages(generation) : this.#durable;
    const pages = durable.length;
    const root = rootOf(durable);
    const header = { generation, baseLimit: this.#baseLimit, pages, root, boot: '', set: set ?? [] };
    writeAll(this.#fd, encodeHeader(header), headerOffset(durablePlace(generation)));
    check(this.#durability.fdatasync(this.#fd), 'block map');
    this.#generation = generation;
    if (set === null) {
      this.#durable = durable;
      this.#dirty.clear();
      this.#set = [];
    }
    this.#bitsDirty = false;
    this.#limitDirty = false;
  }

  /** Brings the durable places up to what is known, for a header to believe them. Returns where all pages are then. */
  #writePages(generation: number): DurablePage[] {
    const durable = [...this.#durable];
    for (const page of this.#dirty) {
      while (durable.length <= page) durable.push(NEVER_WRITTEN);
      const place = durable[page]!.place === 1 ? 2 : 1;
      durable[page] = { place, sum: this.#writePage(page, place, generation) };
    }
    check(this.#durability.fdatasync(this.#fd), 'block map');
    return durable;
  }

  /** What an earlier boot left in the live places may speak of blocks that were lost, or lack some. */
  #replaceLive(): void {
    for (const page of [...this.#livePages, ...this.#dirty]) this.#behind.add(page);
    this.#durable.forEach(({ place }, page) => {
      if (place !== NEVER_WRITTEN.place) this.#behind.add(page);
    });
  }

  /** Brings the live places up to what is known: pages before the header that counts them. */
  #catchUp(): void {
    for (const page of this.#behind) {
      if (!this.#livePages.has(page)) reserve(this.#fd, pageOffset(page, LIVE), PLACES * PAGE);
      this.#writePage(page, LIVE, 0);
      this.#livePages.add(page);
      this.#behind.delete(page);
    }
    const baseLimit = this.#baseLimit;
    const pages = this.#livePages.size;
    if (this.#liveHeader?.pages === pages && this.#liveHeader.baseLimit === baseLimit) return;
    const { boot } = this.#durability;
    writeAll(
      this.#fd,
      encodeHeader({ generation: 0, baseLimit, pages, root: 0, boot, set: [] }),
      headerOffset(LIVE),
    );
    this.#liveHeader = { pages, baseLimit };
  }

  #writePage(page: number, place: number, generation: number): number {
    const bits = this.map.bytes(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    const { bytes, sum } = encodePage(page, generation, bits);
    writeAll(this.#fd, bytes, pageOffset(page, place));
    return sum;
  }
}

/** Null when it is more than a header can name. */
function withBlocks(set: readonly Blocks[] | null, added: Blocks): Blocks[] | null {
  if (set === null) return null;
  const last = set.at(-1);
  const joins = last !== undefined && added.start <= last.end && added.end >= last.start;
  const grown = joins
    ? [...set.slice(0, -1), { start: Math.min(last.start, added.start), end: Math.max(last.end, added.end) }]
    : [...set, added];
  return fitsHeader(grown) ? grown : null;
}

/** Claims the space of all places at once: a disk that is full then refuses a write, and never a sync or a discard. */
function reserve(fd: number, offset: number, length: number): void {
  const result = fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
  if (result !== -E.EOPNOTSUPP) check(result, 'block map');
}

function writeAll(fd: number, bytes: Buffer, offset: number): void {
  check(pwriteAll(fd, bytes, bytes.length, offset), 'block map');
}
