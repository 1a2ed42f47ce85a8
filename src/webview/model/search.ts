import type { SearchPage } from '../messages';

/** Matches that are counted; nobody steps through more. */
export const MAX_MATCHES = 10_000;

/** Finds where a pattern occurs from an offset on. */
export type FetchMatches = (pattern: Uint8Array, from: number) => Promise<SearchPage>;

/** A search for one pattern, from the start of the file on, as far as it got. */
export class Search {
  readonly pattern: Uint8Array;
  readonly #fetch: FetchMatches;
  #matches: number[] = [];
  #next: number | null = 0;

  constructor(pattern: Uint8Array, fetch: FetchMatches) {
    this.pattern = pattern;
    this.#fetch = fetch;
  }

  /** The offsets found so far, in order. */
  get matches(): readonly number[] {
    return this.#matches;
  }

  /** Whether nothing more is going to be found. */
  get complete(): boolean {
    return this.#next === null || this.#matches.length >= MAX_MATCHES;
  }

  /** Whether there are more matches than are counted. */
  get more(): boolean {
    return this.#next !== null && this.complete;
  }

  /** Searches a little further; returns whether that was all. @throws what fetching throws */
  async advance(): Promise<boolean> {
    if (this.#next !== null && !this.complete) {
      const { matches, next } = await this.#fetch(this.pattern, this.#next);
      this.#matches = [...this.#matches, ...matches].slice(0, MAX_MATCHES);
      this.#next = next;
    }
    return this.complete;
  }

  /** The number of the first match at or after an offset, from the start again after the last; -1: there is none. */
  after(offset: number): number {
    const number = this.#matches.findIndex((match) => match >= offset);
    return number >= 0 || this.#matches.length === 0 ? number : 0;
  }

  /** The number of the last match before an offset, from the end again before the first; -1: there is none. */
  before(offset: number): number {
    const number = this.#matches.findLastIndex((match) => match < offset);
    return number >= 0 ? number : this.#matches.length - 1;
  }
}

/** The bytes that hex digits stand for, in pairs with or without spaces between; null when they are no such thing. */
export function parseHex(text: string): Uint8Array | null {
  const digits = text.replace(/0x|[\s,]+/gi, '');
  if (digits.length === 0 || digits.length % 2 > 0 || /[^0-9a-f]/i.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
