import type { Strings } from '../messages';
import type { Comparison } from '../model/comparison';
import { parseHex, Search, type FetchMatches } from '../model/search';
import { fill } from '../model/text';
import { element, iconButton } from './dom';

/** Milliseconds without a key after which what was typed is searched for. */
const PATIENCE = 200;

/** Finds text or bytes in what changed. */
export class FindWidget {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #hex: HTMLInputElement;
  readonly #result = element('span', { class: 'result', role: 'status' });
  #search: Search | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly strings: Strings,
    private readonly comparison: Comparison,
    private readonly fetch: FetchMatches,
    private readonly listener: { failed(error: unknown): void; closed(): void },
  ) {
    this.#input = element('input', {
      type: 'text',
      spellcheck: 'false',
      'aria-label': strings.find,
      placeholder: strings.findPlaceholder,
    });
    this.#hex = element('input', { type: 'checkbox' });
    this.element = element(
      'div',
      { class: 'find', role: 'search', 'aria-label': strings.find, hidden: '' },
      this.#input,
      element('label', { class: 'toggle', title: strings.findHex }, this.#hex, strings.hex),
      this.#result,
      iconButton('up', strings.previousMatch, () => this.#step('before')),
      iconButton('down', strings.nextMatch, () => this.#step('after')),
      iconButton('close', strings.close, () => this.close()),
    );
    this.#input.addEventListener('input', () => this.#startLater());
    this.#hex.addEventListener('change', () => this.#startLater());
    this.element.addEventListener('keydown', (event) => this.#press(event));
  }

  open(): void {
    this.element.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  close(): void {
    this.element.hidden = true;
    this.#search = undefined;
    this.listener.closed();
  }

  /** The file is another one now: searches it again, where the cursor is. */
  refresh(): void {
    if (!this.element.hidden && this.#search !== undefined) void this.#start(false);
  }

  /** Steps to the next match of what was last searched for, or to the one before. */
  #step(way: 'after' | 'before'): void {
    const search = this.#search;
    if (search === undefined) return;
    const { cursor } = this.comparison;
    this.#goTo(search, way === 'after' ? search.after(cursor + 1) : search.before(cursor));
  }

  #startLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#start(true), PATIENCE);
  }

  /** @param move whether to go to the first match from the cursor on */
  async #start(move: boolean): Promise<void> {
    const { value } = this.#input;
    const pattern = this.#hex.checked ? parseHex(value) : new TextEncoder().encode(value);
    const isBad = pattern === null && value.trim() !== '';
    this.#input.setAttribute('aria-invalid', String(isBad));
    this.#search = undefined;
    this.#result.textContent = isBad ? this.strings.badHex : '';
    if (pattern === null || pattern.length === 0) return;
    const search = new Search(pattern, this.fetch);
    this.#search = search;
    try {
      await this.#run(search, move);
    } catch (error) {
      this.listener.failed(error);
    }
  }

  async #run(search: Search, move: boolean): Promise<void> {
    const { cursor } = this.comparison;
    let waits = move;
    for (let complete = false; !complete;) {
      complete = await search.advance();
      if (!this.#isCurrent(search)) return;
      const found = search.after(cursor);
      if (waits && found >= 0 && (complete || search.matches[found]! >= cursor)) {
        waits = false;
        this.#goTo(search, found);
      }
      this.#tell(search);
    }
  }

  #isCurrent(search: Search): boolean {
    return this.#search === search;
  }

  #goTo(search: Search, number: number): void {
    const offset = search.matches[number];
    if (offset !== undefined) this.comparison.select({ offset, length: search.pattern.length });
    this.#tell(search);
  }

  #tell(search: Search): void {
    const { matches, complete, more } = search;
    const { strings } = this;
    const total = `${matches.length.toLocaleString()}${more || !complete ? '+' : ''}`;
    const number = matches.indexOf(this.comparison.cursor);
    if (matches.length > 0) {
      const position = number < 0 ? '?' : (number + 1).toLocaleString();
      this.#result.textContent = fill(strings.matchPosition, position, total);
    } else {
      this.#result.textContent = complete ? strings.noMatches : strings.searching;
    }
  }

  #press(event: KeyboardEvent): void {
    const { key, shiftKey, target } = event;
    if (key === 'Escape') this.close();
    else if (key === 'F3' || (key === 'Enter' && target === this.#input))
      this.#step(shiftKey ? 'before' : 'after');
    else return;
    event.preventDefault();
  }
}
