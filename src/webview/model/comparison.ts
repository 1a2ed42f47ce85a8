import type { ByteRange } from '../../protocol/messages';
import type { CallName, Calls } from '../messages';
import { ByteCache } from './byteCache';
import type { Selection } from './hex';
import { RangeIndex } from './rangeIndex';

/** Milliseconds between two looks at a file that keeps changing; more when a look takes long. */
const REST = 500;

/** Asks the extension for something. */
export type Caller = <N extends CallName>(
  name: N,
  args: Parameters<Calls[N]>,
) => Promise<ReturnType<Calls[N]>>;

export interface Listener {
  /** There is something else to show. */
  changed(): void;
  /** The contents were looked at anew: what was derived from them is outdated. */
  refreshed(): void;
  failed(error: unknown): void;
}

/** The ends of what is selected; they are the same where that is one byte. */
export interface Place {
  readonly anchor: number;
  /** The one that moves. */
  readonly cursor: number;
}

/** Two sides of a file, what differs between them, and the place in it that a person looks at. */
export class Comparison {
  readonly bytes: ByteCache;
  readonly #call: Caller;
  readonly #listener: Listener;
  #ranges: RangeIndex;
  #size = 0;
  #baseSize = 0;
  #anchor = 0;
  #cursor = 0;
  #moves = 0;
  #due = false;
  #open = false;
  #looking = false;

  /** @param place what was selected when this file was last shown */
  constructor(call: Caller, listener: Listener, place?: Place) {
    this.#call = call;
    this.#listener = listener;
    this.#ranges = this.#newRanges();
    if (place !== undefined) {
      this.#anchor = place.anchor;
      this.#cursor = place.cursor;
      this.#moves = 1;
    }
    this.bytes = new ByteCache((...args) => call('read', args), listener);
  }

  get ranges(): RangeIndex {
    return this.#ranges;
  }

  /** Bytes of the file as the mount shows it. */
  get size(): number {
    return this.#size;
  }

  get baseSize(): number {
    return this.#baseSize;
  }

  /** Bytes of the longer side. */
  get length(): number {
    return Math.max(this.#size, this.#baseSize);
  }

  get cursor(): number {
    return this.#cursor;
  }

  get place(): Place {
    return { anchor: this.#anchor, cursor: this.#cursor };
  }

  /** How often the cursor was moved: whoever shows something else by now has to follow it. */
  get moves(): number {
    return this.#moves;
  }

  get selection(): Selection {
    const start = Math.min(this.#anchor, this.#cursor);
    return { start, end: Math.max(this.#anchor, this.#cursor) + 1, cursor: this.#cursor };
  }

  /** Moves the cursor. @param extend whether what is selected goes on from where it began */
  moveTo(offset: number, extend = false): void {
    this.#cursor = Math.min(Math.max(0, offset), Math.max(0, this.length - 1));
    if (!extend) this.#anchor = this.#cursor;
    this.#moves++;
    this.#listener.changed();
  }

  /** Selects bytes and puts the cursor on the first one. */
  select({ offset, length }: ByteRange): void {
    this.moveTo(offset + length - 1);
    this.moveTo(offset, true);
  }

  /** The change that the cursor is in, if that is known already. */
  get currentChange(): { readonly number: number; readonly range: ByteRange } | undefined {
    const number = this.#ranges.peekNumberAt(this.#cursor);
    const range = number === undefined ? undefined : this.#ranges.peek(number);
    return range !== undefined && this.#cursor < range.offset + range.length
      ? { number: number!, range }
      : undefined;
  }

  /** Moves to a change by its number, from 0; to the last one when there are not so many. */
  goToChange(number: number): Promise<void> {
    return this.#attempt(() => this.#goToChange(number));
  }

  /** Moves to the first change that begins after the cursor, or from the last one to the first. */
  goToNext(): Promise<void> {
    return this.#attempt(async () => {
      const next = (await this.#ranges.numberAt(this.#cursor)) + 1;
      const wraps = (await this.#ranges.get(next)) === undefined;
      await this.#goToChange(wraps ? 0 : next);
    });
  }

  /** Moves to the last change that ends before the cursor, or from the first one to the last. */
  goToPrevious(): Promise<void> {
    return this.#attempt(async () => {
      const number = await this.#ranges.numberAt(this.#cursor);
      const range = await this.#ranges.get(number);
      const inside = range !== undefined && this.#cursor < range.offset + range.length;
      const previous = inside ? number - 1 : number;
      await this.#goToChange(previous < 0 ? Infinity : previous);
    });
  }

  /** Moves to the first changed byte of a stretch, or to its start when there is none. */
  goToChangeWithin(start: number, end: number): Promise<void> {
    return this.#attempt(async () => {
      const [first] = (await this.#call('ranges', [start])).ranges;
      this.moveTo(first !== undefined && first.offset < end ? first.offset : start);
    });
  }

  /** The file may be another one now, or was never looked at: looks at it, not too often. */
  look(): void {
    this.#due = true;
    if (!this.#looking) void this.#lookWhileDue();
  }

  async #lookWhileDue(): Promise<void> {
    this.#looking = true;
    while (this.#due) {
      this.#due = false;
      const start = performance.now();
      await this.#attempt(() => (this.#open ? this.#refresh() : this.#begin()));
      const rest = Math.max(REST, 2 * (performance.now() - start));
      await new Promise((resume) => setTimeout(resume, rest));
    }
    this.#looking = false;
  }

  /** Shows the ends of both sides at once, and goes to the first change unless a place was given. */
  async #begin(): Promise<void> {
    const { size, baseSize } = await this.#call('summary', [0, 1, 1]);
    this.#show(size, baseSize);
    const first = await this.#ranges.get(0);
    this.#open = true;
    this.#show(this.#ranges.size, this.#ranges.baseSize);
    this.#compareOn();
    if (first !== undefined && this.#moves === 0) this.moveTo(first.offset);
  }

  /** Compares anew as far as the file was compared before, and only then shows that. */
  async #refresh(): Promise<void> {
    const fresh = this.#newRanges();
    await fresh.reach(Math.min(this.#ranges.reached, this.length));
    this.#ranges = fresh;
    this.#show(fresh.size, fresh.baseSize);
    this.#compareOn();
  }

  async #goToChange(number: number): Promise<void> {
    const { ranges } = this;
    const range = (await ranges.get(number)) ?? (await ranges.get(ranges.count - 1));
    if (range !== undefined) this.moveTo(range.offset);
  }

  #show(size: number, baseSize: number): void {
    this.#size = size;
    this.#baseSize = baseSize;
    const last = Math.max(0, this.length - 1);
    this.#cursor = Math.min(this.#cursor, last);
    this.#anchor = Math.min(this.#anchor, last);
    this.bytes.invalidate({ base: baseSize, scratch: size });
    this.#listener.refreshed();
    this.#listener.changed();
  }

  #compareOn(): void {
    const ranges = this.#ranges;
    void this.#attempt(async () => {
      while (this.#ranges === ranges && !ranges.complete) await ranges.reach(ranges.reached);
    });
  }

  #newRanges(): RangeIndex {
    return new RangeIndex(
      (offset) => this.#call('ranges', [offset]),
      () => this.#listener.changed(),
    );
  }

  /** What fails leaves everything as it was; the listener tells the user. */
  async #attempt(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#listener.failed(error);
    }
  }
}
