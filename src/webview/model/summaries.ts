import type { BlockSummary } from '../../protocol/messages';

/** Gets the changed bytes of equal parts of a stretch. */
export type FetchSummary = (offset: number, length: number, cells: number) => Promise<BlockSummary>;

export interface Listener {
  /** A summary that was asked for is there. */
  changed(): void;
  failed(error: unknown): void;
}

interface Stretch {
  readonly offset: number;
  readonly length: number;
  readonly cells: number;
}

/** The summary of the stretch that a map shows, one request at a time. */
export class Summaries {
  readonly #fetch: FetchSummary;
  readonly #listener: Listener;
  #wanted: Stretch | undefined;
  /** Without a summary: it could not be fetched. */
  #last: (Stretch & { readonly summary: BlockSummary | undefined }) | undefined;
  #stale = false;
  #loading = false;

  constructor(fetch: FetchSummary, listener: Listener) {
    this.#fetch = fetch;
    this.#listener = listener;
  }

  /** The file may be another one now; what is at hand still serves until the new one is there. */
  invalidate(): void {
    this.#stale = true;
    void this.#load();
  }

  /** The summary of a stretch if it is at hand; else it is fetched. */
  peek(offset: number, length: number, cells: number): BlockSummary | undefined {
    this.#wanted = { offset, length, cells };
    if (isSame(this.#wanted, this.#last)) return this.#last.summary;
    void this.#load();
    return undefined;
  }

  async #load(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    while (this.#wanted !== undefined && (this.#stale || !isSame(this.#wanted, this.#last))) {
      this.#stale = false;
      await this.#take(this.#wanted);
    }
    this.#loading = false;
  }

  async #take(stretch: Stretch): Promise<void> {
    try {
      const summary = await this.#fetch(stretch.offset, stretch.length, stretch.cells);
      this.#last = { ...stretch, summary };
      this.#listener.changed();
    } catch (error) {
      // Not asked for again before there is reason to hope that it succeeds.
      const shown = isSame(stretch, this.#last) ? this.#last.summary : undefined;
      this.#last = { ...stretch, summary: shown };
      this.#listener.failed(error);
    }
  }
}

function isSame<S extends Stretch>(a: Stretch, b: S | undefined): b is S {
  return a.offset === b?.offset && a.length === b.length && a.cells === b.cells;
}
