import type { Side } from '../../protocol/messages';
import { ABSENT, type Byte } from './hex';
import { Recent } from './recent';

/** Bytes that are fetched at once. */
export const PAGE = 1 << 14;
/** Pages that are kept, of both sides together. */
const KEPT_PAGES = 128;

/** Gets bytes of one side; fewer only at its end. */
export type FetchBytes = (side: Side, offset: number, length: number) => Promise<Uint8Array>;

export interface Listener {
  /** Bytes that were asked for are there. */
  changed(): void;
  failed(error: unknown): void;
}

interface Page {
  /** Undefined: they could not be fetched. */
  readonly bytes: Uint8Array | undefined;
  /** When it was asked for; see {@link ByteCache.invalidate}. */
  readonly generation: number;
}

/** The bytes of both sides, as far as they were looked at lately. */
export class ByteCache {
  readonly #fetch: FetchBytes;
  readonly #listener: Listener;
  readonly #kept = new Recent<string, Page>(KEPT_PAGES);
  readonly #loading = new Set<string>();
  #generation = 0;
  #sizes: Readonly<Record<Side, number>> = { base: 0, scratch: 0 };

  constructor(fetch: FetchBytes, listener: Listener) {
    this.#fetch = fetch;
    this.#listener = listener;
  }

  /** The bytes may be others now. Those that are at hand still serve, until the new ones are there. */
  invalidate(sizes: Readonly<Record<Side, number>>): void {
    this.#sizes = sizes;
    this.#generation++;
  }

  /** Bytes that are at hand; the others are fetched, and told as a change when they are there. */
  peek(side: Side, offset: number, length: number): Byte[] {
    const bytes: Byte[] = [];
    let start = -1;
    let page: Uint8Array | undefined;
    for (let at = offset; at < offset + length; at++) {
      if (at >= this.#sizes[side]) {
        bytes.push(ABSENT);
        continue;
      }
      if (at - (at % PAGE) !== start) {
        start = at - (at % PAGE);
        page = this.#page(side, start);
      }
      bytes.push(page?.[at - start]);
    }
    return bytes;
  }

  #page(side: Side, start: number): Uint8Array | undefined {
    const key = `${side}${start}`;
    const page = this.#kept.get(key);
    if (page?.generation !== this.#generation) void this.#load(key, side, start);
    return page?.bytes;
  }

  async #load(key: string, side: Side, start: number): Promise<void> {
    if (this.#loading.has(key)) return;
    this.#loading.add(key);
    const generation = this.#generation;
    try {
      this.#kept.set(key, { bytes: await this.#fetch(side, start, PAGE), generation });
      this.#listener.changed();
    } catch (error) {
      // Not asked for again before there is reason to hope that it succeeds.
      this.#kept.set(key, { bytes: this.#kept.get(key)?.bytes, generation });
      this.#listener.failed(error);
    } finally {
      this.#loading.delete(key);
    }
  }
}
