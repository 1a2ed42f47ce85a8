import { formatBytes } from '../../protocol/format';
import type { Strings } from '../messages';
import type { Comparison } from '../model/comparison';
import { formatOffset, offsetDigits } from '../model/hex';
import { Viewport } from '../model/viewport';
import { element } from './dom';
import { Scrollbar, wheelRows } from './scrollbar';

/** Pixels; style.css has it, too. */
const ROW_HEIGHT = 22;

/** The changed ranges of the file, one a row. */
export class RangesTable {
  readonly element: HTMLElement;
  readonly #viewport = new Viewport();
  readonly #scrollbar: Scrollbar;
  readonly #rows = element('div', { class: 'rows', role: 'rowgroup' });
  readonly #body: HTMLElement;
  readonly #grid: HTMLElement;
  #moves = 0;

  constructor(
    strings: Strings,
    private readonly comparison: Comparison,
    private readonly changed: () => void,
  ) {
    this.#scrollbar = new Scrollbar(this.#viewport, changed);
    const heading = element('div', { class: 'row heading', role: 'row', 'aria-rowindex': '1' });
    for (const title of ['#', strings.offset, strings.length]) {
      heading.append(element('span', { role: 'columnheader' }, title));
    }
    this.#body = element('div', { class: 'body' }, this.#rows, this.#scrollbar.element);
    this.#grid = element(
      'div',
      {
        class: 'list',
        role: 'grid',
        tabindex: '0',
        'aria-label': strings.tableLabel,
        'aria-readonly': 'true',
      },
      heading,
      this.#body,
    );
    this.element = element('section', { class: 'table' }, this.#grid);
    this.#listen();
  }

  render(): void {
    const { ranges, length, cursor, moves, currentChange } = this.comparison;
    this.#viewport.resize(ranges.count, this.#body.clientHeight / ROW_HEIGHT);
    if (moves !== this.#moves) {
      const near = ranges.peekNumberAt(cursor);
      if (near !== undefined) {
        this.#viewport.reveal(Math.max(0, near));
        this.#moves = moves;
      }
    }
    const digits = offsetDigits(length);
    this.#grid.style.setProperty('--offset', String(digits));
    const rows: HTMLElement[] = [];
    for (let number = this.#viewport.first; number < this.#viewport.end; number++) {
      const range = ranges.peek(number);
      const cells = range ? [formatOffset(range.offset, digits), formatLength(range.length)] : ['…', ''];
      rows.push(row(number, cells, number === currentChange?.number));
    }
    this.#rows.replaceChildren(...rows);
    this.#rows.style.transform = `translateY(${(this.#viewport.first - this.#viewport.top) * ROW_HEIGHT}px)`;
    this.#grid.setAttribute('aria-rowcount', String(ranges.complete ? ranges.count + 1 : -1));
    if (currentChange === undefined) this.#grid.removeAttribute('aria-activedescendant');
    else this.#grid.setAttribute('aria-activedescendant', rowId(currentChange.number));
    this.#scrollbar.render();
  }

  #listen(): void {
    this.#rows.addEventListener('click', ({ target }) => {
      const number = (target as HTMLElement).closest<HTMLElement>('.row')?.dataset['number'];
      if (number !== undefined) void this.comparison.goToChange(Number(number));
    });
    const turn = (event: WheelEvent): void => {
      event.preventDefault();
      this.#viewport.scrollBy(wheelRows(event, ROW_HEIGHT));
      this.changed();
    };
    this.#body.addEventListener('wheel', turn, { passive: false });
    this.#grid.addEventListener('keydown', (event) => {
      if (this.#press(event.key)) event.preventDefault();
    });
  }

  /** Returns whether the key means something here. */
  #press(key: string): boolean {
    const { comparison } = this;
    const near = comparison.ranges.peekNumberAt(comparison.cursor) ?? 0;
    const page = this.#viewport.page;
    switch (key) {
      case 'ArrowDown':
        void comparison.goToChange(near + 1);
        return true;
      case 'ArrowUp':
        void comparison.goToChange(Math.max(0, near - 1));
        return true;
      case 'PageDown':
        void comparison.goToChange(near + page);
        return true;
      case 'PageUp':
        void comparison.goToChange(Math.max(0, near - page));
        return true;
      case 'Home':
        void comparison.goToChange(0);
        return true;
      case 'End':
        void comparison.goToChange(Infinity);
        return true;
      default:
        return false;
    }
  }
}

function row(number: number, cells: readonly string[], selected: boolean): HTMLElement {
  const made = element('div', {
    class: selected ? 'row selected' : 'row',
    id: rowId(number),
    role: 'row',
    'aria-rowindex': String(number + 2),
    'aria-selected': String(selected),
    'data-number': String(number),
  });
  for (const text of [(number + 1).toLocaleString(), ...cells]) {
    made.append(element('span', { role: 'gridcell' }, text));
  }
  return made;
}

/** To the byte as long as there is room for that. */
function formatLength(length: number): string {
  return length < 1_000_000 ? length.toLocaleString() : formatBytes(length);
}

function rowId(number: number): string {
  return `range-${number}`;
}
