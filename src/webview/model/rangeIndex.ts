import type { ByteRange, RangePage } from '../../protocol/messages';
import { Recent } from './recent';

/** Pages of ranges that are kept; the others are asked for again when they are needed. */
const KEPT_PAGES = 32;

/** Where a page of ranges begins. */
interface Page {
  /** The offset that it is asked for by. */
  readonly from: number;
  /** The number of its first range. */
  readonly first: number;
}

/** Gets ranges from an offset on. */
export type FetchRanges = (offset: number) => Promise<RangePage>;

/**
 * The changed ranges of a file by number, from 0, and by offset. They are compared and told from the start of the
 * file on; of those already told, all that stays is where each page begins.
 */
export class RangeIndex {
  readonly #fetch: FetchRanges;
  readonly #onChange: () => void;
  readonly #pages: Page[] = [];
  readonly #kept = new Recent<number, readonly ByteRange[]>(KEPT_PAGES);
  readonly #loading = new Map<number, Promise<readonly ByteRange[]>>();
  #extending: Promise<void> | undefined;
  #count = 0;
  #changedBytes = 0;
  #next: number | null = 0;
  size = 0;
  baseSize = 0;

  /** @param onChange called whenever there is more to tell */
  constructor(fetch: FetchRanges, onChange: () => void) {
    this.#fetch = fetch;
    this.#onChange = onChange;
  }

  /** How many ranges are known so far. */
  get count(): number {
    return this.#count;
  }

  /** The sum of their lengths, bytes. */
  get changedBytes(): number {
    return this.#changedBytes;
  }

  /** Whether the whole file was compared. */
  get complete(): boolean {
    return this.#next === null;
  }

  /** Up to where the file was compared. */
  get reached(): number {
    return this.#next ?? Infinity;
  }

  /** Compares on, at least up to an offset. @throws what fetching throws */
  async reach(offset: number): Promise<void> {
    while (!this.complete && this.reached <= offset) await this.#extend();
  }

  /** A range that is at hand; else it is fetched, and told as a change when it is there. */
  peek(number: number): ByteRange | undefined {
    const page = this.#pageOf(number);
    if (page === undefined) return undefined;
    const ranges = this.#kept.get(page);
    if (ranges !== undefined) return ranges[number - this.#pages[page]!.first];
    // What cannot be fetched stays blank: the comparison as a whole fails then, and tells why.
    this.#load(page).then(this.#onChange, () => undefined);
    return undefined;
  }

  /** A range; undefined when there are not so many. @throws what fetching throws */
  async get(number: number): Promise<ByteRange | undefined> {
    while (number >= this.#count && !this.complete) await this.#extend();
    const page = this.#pageOf(number);
    if (page === undefined) return undefined;
    return (await this.#load(page))[number - this.#pages[page]!.first];
  }

  /** The number of the last range that begins at or before an offset; -1: none does. @throws what fetching throws */
  async numberAt(offset: number): Promise<number> {
    await this.reach(offset);
    const page = this.#pageAt(offset);
    if (page < 0) return -1;
    return this.#pages[page]!.first + lastAtOrBefore(await this.#load(page), offset);
  }

  /** As {@link numberAt}, if that is at hand. */
  peekNumberAt(offset: number): number | undefined {
    if (this.reached <= offset) return undefined;
    const page = this.#pageAt(offset);
    if (page < 0) return -1;
    const { first } = this.#pages[page]!;
    if (this.peek(first) === undefined) return undefined;
    return first + lastAtOrBefore(this.#kept.get(page)!, offset);
  }

  /** Takes in the next page; all who want that share one attempt. */
  #extend(): Promise<void> {
    this.#extending ??= this.#takeNext().finally(() => {
      this.#extending = undefined;
    });
    return this.#extending;
  }

  async #takeNext(): Promise<void> {
    const from = this.#next;
    if (from === null) return;
    const { ranges, next, size, baseSize } = await this.#fetch(from);
    if (ranges.length > 0) {
      this.#kept.set(this.#pages.length, ranges);
      this.#pages.push({ from, first: this.#count });
      this.#count += ranges.length;
      for (const { length } of ranges) this.#changedBytes += length;
    }
    this.#next = next;
    this.size = size;
    this.baseSize = baseSize;
    this.#onChange();
  }

  #load(page: number): Promise<readonly ByteRange[]> {
    const kept = this.#kept.get(page);
    if (kept !== undefined) return Promise.resolve(kept);
    let loading = this.#loading.get(page);
    if (loading === undefined) {
      loading = this.#reload(page).finally(() => this.#loading.delete(page));
      this.#loading.set(page, loading);
    }
    return loading;
  }

  async #reload(page: number): Promise<readonly ByteRange[]> {
    const { ranges } = await this.#fetch(this.#pages[page]!.from);
    this.#kept.set(page, ranges);
    return ranges;
  }

  #pageOf(number: number): number | undefined {
    if (number < 0 || number >= this.#count) return undefined;
    return lastWhere(this.#pages, ({ first }) => first <= number);
  }

  #pageAt(offset: number): number {
    return lastWhere(this.#pages, ({ from }) => from <= offset);
  }
}

function lastAtOrBefore(ranges: readonly ByteRange[], offset: number): number {
  return lastWhere(ranges, (range) => range.offset <= offset);
}

/** The index of the last item for which `holds`, which holds for none after one for which it does not; -1: for none. */
function lastWhere<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
