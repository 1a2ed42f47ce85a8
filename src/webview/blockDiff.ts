import type { Side } from '../protocol/messages';
import type { Connection } from './connection';
import type { HostMessage, PageCommand, Strings } from './messages';
import { Comparison, type Place } from './model/comparison';
import { Summaries } from './model/summaries';
import { fill } from './model/text';
import { BlockMap } from './ui/blockMap';
import { element, onNextFrame } from './ui/dom';
import { FindWidget } from './ui/findWidget';
import { HexView } from './ui/hexView';
import { Overview } from './ui/overview';
import { watchPalette } from './ui/palette';
import { RangesTable } from './ui/rangesTable';
import { Footer, Header } from './ui/statusLines';

export interface Options {
  readonly connection: Connection;
  readonly strings: Strings;
  readonly mounted: boolean;
  /** What was selected when this file was last shown. */
  readonly place: Place | undefined;
  /** Keeps what is selected, for when the page is shown again. */
  readonly keep: (place: Place) => void;
}

/** The page of a block diff. */
export class BlockDiff {
  readonly element: HTMLElement;
  readonly #options: Options;
  readonly #comparison: Comparison;
  readonly #header: Header;
  readonly #overview: Overview;
  readonly #map: BlockMap;
  readonly #table: RangesTable;
  readonly #hex: HexView;
  readonly #find: FindWidget;
  readonly #footer: Footer;
  readonly #mapSummaries: Summaries;
  readonly #overviewSummaries: Summaries;
  readonly #renderSoon = onNextFrame(() => this.#render());
  #keptMoves = 0;
  #mounted: boolean;
  #failure: string | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#mounted = options.mounted;
    const { connection, strings, place } = options;
    const failed = (error: unknown): void => this.#fail(error);
    const changed = this.#renderSoon;
    const newSummaries = (): Summaries =>
      new Summaries((...args) => connection.call('summary', args), { changed, failed });
    this.#mapSummaries = newSummaries();
    this.#overviewSummaries = newSummaries();
    const listener = { changed, failed, refreshed: () => this.#refreshed() };
    this.#comparison = new Comparison((name, args) => connection.call(name, args), listener, place);
    const palette = watchPalette(changed);
    this.#header = new Header(strings, this.#comparison);
    this.#overview = new Overview(this.#comparison, this.#overviewSummaries, palette);
    this.#map = new BlockMap(strings, this.#comparison, this.#mapSummaries, palette, changed);
    this.#table = new RangesTable(strings, this.#comparison, changed);
    this.#hex = new HexView(strings, this.#comparison, changed);
    this.#find = new FindWidget(strings, this.#comparison, (...args) => connection.call('search', args), {
      failed,
      closed: () => this.#hex.focus(),
    });
    this.#footer = new Footer(strings, this.#comparison);
    this.element = element('main', {}, this.#header.element, this.#overview.element, this.#map.element);
    this.element.append(this.#table.element, this.#hex.element, this.#footer.element);
    this.#hex.element.append(this.#find.element);
  }

  /** Begins to show the file; the element must be in the document. */
  start(): void {
    new ResizeObserver(this.#renderSoon).observe(this.element);
    this.#renderSoon();
    if (this.#mounted) this.#comparison.look();
    // The editor gives the focus to the page as a whole.
    addEventListener('focus', () => {
      if (document.activeElement === document.body) this.#hex.focus();
    });
  }

  /** Does what the extension says. */
  handle(message: Exclude<HostMessage, { kind: 'start' | 'answer' | 'refusal' }>): void {
    switch (message.kind) {
      case 'changed':
        this.#comparison.look();
        break;
      case 'mounted':
        this.#mounted = message.mounted;
        if (message.mounted) this.#comparison.look();
        this.#renderSoon();
        break;
      case 'goTo':
        this.#comparison.moveTo(message.offset);
        this.#hex.focus();
        break;
      case 'command':
        this.#run(message.command);
        break;
    }
  }

  #run(command: PageCommand): void {
    switch (command) {
      case 'nextChange':
        void this.#comparison.goToNext();
        break;
      case 'previousChange':
        void this.#comparison.goToPrevious();
        break;
      case 'find':
        this.#find.open();
        break;
      case 'copy':
        this.#copy('scratch');
        break;
      case 'copyBase':
        this.#copy('base');
        break;
      case 'discard':
        this.#discard();
        break;
    }
  }

  /** Copies what is selected; where that is a mere cursor, the change that it is in. */
  #copy(side: Side): void {
    const { start, end } = this.#comparison.selection;
    const change = end - start > 1 ? undefined : this.#comparison.currentChange;
    const range = change?.range ?? { offset: start, length: end - start };
    this.#options.connection.call('copy', [side, range]).catch((error: unknown) => this.#fail(error));
  }

  #discard(): void {
    const range = this.#comparison.currentChange?.range ?? null;
    this.#options.connection.call('discard', [range]).catch((error: unknown) => this.#fail(error));
  }

  #keepPlace(): void {
    const { moves, place } = this.#comparison;
    if (moves === this.#keptMoves) return;
    this.#keptMoves = moves;
    this.#options.keep(place);
  }

  #refreshed(): void {
    this.#failure = undefined;
    this.#mapSummaries.invalidate();
    this.#overviewSummaries.invalidate();
    this.#find.refresh();
  }

  #fail(error: unknown): void {
    this.#failure = fill(
      this.#options.strings.failed,
      error instanceof Error ? error.message : String(error),
    );
    this.#renderSoon();
  }

  #render(): void {
    this.#header.render(this.#mounted ? this.#failure : this.#options.strings.notMounted);
    this.#map.render();
    this.#overview.render(this.#map.stretch);
    this.#table.render();
    this.#hex.render();
    this.#footer.render();
    this.#keepPlace();
  }
}
