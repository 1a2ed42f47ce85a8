import type { Side } from '../../protocol/messages';
import type { Strings } from '../messages';
import type { Comparison } from '../model/comparison';
import {
  byteAtDigit,
  bytesPerLine,
  formatOffset,
  digitsWidth,
  lineOf,
  offsetDigits,
  type Line,
  type Run,
} from '../model/hex';
import { Viewport } from '../model/viewport';
import { element } from './dom';
import { followPointer, Scrollbar, wheelRows } from './scrollbar';

/** Characters between the columns, and at both ends; style.css has them, too. */
const GAPS = 4 * 2 + 2 * 1;
/** Tells the editor which entries its context menu has here. */
const bytesContext = JSON.stringify({ webviewSection: 'bytes', preventDefaultContextMenuItems: true });
/** Bytes by which the cursor moves along a line with Ctrl. */
const WORD = 4;

interface Metrics {
  /** Pixels. */
  readonly character: number;
  readonly lineHeight: number;
  readonly bytes: number;
}

/** Both sides of the file next to each other, in hex and as text. */
export class HexView {
  readonly element: HTMLElement;
  readonly #viewport = new Viewport();
  readonly #scrollbar: Scrollbar;
  readonly #lines = element('div', { class: 'lines', role: 'rowgroup' });
  readonly #body: HTMLElement;
  readonly #grid: HTMLElement;
  readonly #probe = element('span', { class: 'probe', 'aria-hidden': 'true' }, '0'.repeat(100));
  #metrics: Metrics = { character: 8, lineHeight: 20, bytes: 16 };
  #moves = 0;

  constructor(
    strings: Strings,
    private readonly comparison: Comparison,
    private readonly changed: () => void,
  ) {
    this.#scrollbar = new Scrollbar(this.#viewport, changed);
    const heading = element('div', { class: 'line heading', role: 'row', 'aria-rowindex': '1' });
    for (const title of [strings.offset, strings.base, strings.text, strings.workspace, strings.text]) {
      heading.append(element('span', { role: 'columnheader' }, title));
    }
    this.#body = element('div', { class: 'body' }, this.#lines, this.#scrollbar.element, this.#probe);
    this.#grid = element(
      'div',
      { class: 'list', role: 'grid', tabindex: '0', 'aria-label': strings.hexLabel, 'aria-readonly': 'true' },
      heading,
      this.#body,
    );
    this.element = element('section', { class: 'hex', 'data-vscode-context': bytesContext }, this.#grid);
    this.#listen();
  }

  focus(): void {
    this.#grid.focus();
  }

  render(): void {
    const { comparison } = this;
    const { length, cursor, moves } = comparison;
    const before = this.#metrics.bytes;
    this.#metrics = this.#measure();
    const { bytes, lineHeight } = this.#metrics;
    const rows = Math.ceil(length / bytes);
    this.#viewport.top *= before / bytes;
    this.#viewport.resize(rows, this.#body.clientHeight / lineHeight);
    if (moves !== this.#moves && rows > 0) {
      this.#viewport.reveal(Math.floor(cursor / bytes));
      this.#moves = moves;
    }
    const made: HTMLElement[] = [];
    for (let number = this.#viewport.first; number < this.#viewport.end; number++) {
      made.push(this.#line(number * bytes));
    }
    this.#lines.replaceChildren(...made);
    this.#lines.style.transform = `translateY(${(this.#viewport.first - this.#viewport.top) * lineHeight}px)`;
    this.#grid.setAttribute('aria-rowcount', String(rows + 1));
    this.#grid.setAttribute('aria-activedescendant', lineId(cursor - (cursor % bytes)));
    this.#scrollbar.render();
  }

  #measure(): Metrics {
    const { width, height } = this.#probe.getBoundingClientRect();
    const character = width / 100;
    const digits = offsetDigits(this.comparison.length);
    const bytes = bytesPerLine(this.#body.clientWidth / character, digits + GAPS);
    const { style } = this.#grid;
    style.setProperty('--offset', String(digits));
    style.setProperty('--digits', String(digitsWidth(bytes)));
    style.setProperty('--characters', String(bytes));
    return { character, lineHeight: height, bytes };
  }

  #line(offset: number): HTMLElement {
    const { comparison } = this;
    const { bytes } = this.#metrics;
    const { selection, length } = comparison;
    const base = comparison.bytes.peek('base', offset, bytes);
    const scratch = comparison.bytes.peek('scratch', offset, bytes);
    const left = lineOf(offset, base, scratch, selection);
    const right = lineOf(offset, scratch, base, selection);
    const isCurrent = selection.cursor >= offset && selection.cursor < offset + bytes;
    const line = element('div', {
      class: left.changed || right.changed ? 'line changed' : 'line',
      id: lineId(offset),
      role: 'row',
      'aria-rowindex': String(offset / bytes + 2),
      'aria-selected': String(isCurrent),
      'data-offset': String(offset),
    });
    const label = element(
      'span',
      { class: 'offset', role: 'gridcell' },
      formatOffset(offset, offsetDigits(length)),
    );
    line.append(label, ...sideCells('base', left), ...sideCells('scratch', right));
    return line;
  }

  #listen(): void {
    const turn = (event: WheelEvent): void => {
      event.preventDefault();
      this.#viewport.scrollBy(wheelRows(event, this.#metrics.lineHeight));
      this.changed();
    };
    this.#body.addEventListener('wheel', turn, { passive: false });
    this.#lines.addEventListener('pointerdown', (event) => {
      const at = this.#byteAt(event);
      if (at === undefined) return;
      const { start, end } = this.comparison.selection;
      // The menu that the right button opens is for what is selected, if that is below it.
      if (event.button === 0 || at < start || at >= end) this.comparison.moveTo(at, event.shiftKey);
      if (event.button > 0) return;
      followPointer(this.#lines, event, (move) => {
        const to = this.#byteAt(move);
        if (to !== undefined) this.comparison.moveTo(to, true);
      });
    });
    this.#grid.addEventListener('keydown', (event) => {
      if (this.#press(event)) event.preventDefault();
    });
  }

  /** Returns whether the key means something here. */
  #press(event: KeyboardEvent): boolean {
    const { cursor, length } = this.comparison;
    const { bytes } = this.#metrics;
    const target = targetOf(event, { cursor, length, bytes, page: this.#viewport.page * bytes });
    if (target === undefined) return false;
    this.comparison.moveTo(Math.min(target, length - 1), event.shiftKey);
    return true;
  }

  /** The offset of the byte below the pointer. */
  #byteAt({ clientX, clientY }: PointerEvent): number | undefined {
    const element = document.elementFromPoint(clientX, clientY);
    const cell = element?.closest<HTMLElement>('[data-part]');
    const line = cell?.closest<HTMLElement>('.line');
    if (cell == null || line == null) return undefined;
    const column = Math.floor((clientX - cell.getBoundingClientRect().left) / this.#metrics.character);
    const { bytes } = this.#metrics;
    const isDigits = cell.dataset['part'] === 'digits';
    const index = isDigits ? byteAtDigit(column, bytes) : Math.min(bytes - 1, Math.max(0, column));
    return Number(line.dataset['offset']) + index;
  }
}

interface Surroundings {
  readonly cursor: number;
  readonly length: number;
  readonly bytes: number;
  readonly page: number;
}

/** Where a key takes the cursor; undefined: nowhere. */
function targetOf(
  { key, ctrlKey, metaKey }: KeyboardEvent,
  { cursor, length, bytes, page }: Surroundings,
): number | undefined {
  const far = ctrlKey || metaKey;
  const start = cursor - (cursor % bytes);
  switch (key) {
    case 'ArrowLeft':
      return cursor - (far ? WORD : 1);
    case 'ArrowRight':
      return cursor + (far ? WORD : 1);
    case 'ArrowUp':
      return cursor < bytes ? cursor : cursor - bytes;
    case 'ArrowDown':
      return cursor + bytes < length ? cursor + bytes : cursor;
    case 'PageUp':
      return cursor - page;
    case 'PageDown':
      return cursor + page;
    case 'Home':
      return far ? 0 : start;
    case 'End':
      return far ? length - 1 : start + bytes - 1;
    default:
      return undefined;
  }
}

function sideCells(side: Side, line: Line): HTMLElement[] {
  const part = (name: 'digits' | 'characters', runs: readonly Run[]): HTMLElement =>
    element(
      'span',
      { class: `${side} ${name}`, role: 'gridcell', 'data-part': name },
      ...runs.map(runElement),
    );
  return [part('digits', line.digits), part('characters', line.characters)];
}

function runElement({ text, mark, selected, cursor }: Run): Node | string {
  if (mark === 'same' && !selected && !cursor) return text;
  const classes = [mark, selected && 'selected', cursor && 'cursor'].filter((name) => name !== false);
  return element('span', { class: classes.join(' ') }, text);
}

function lineId(offset: number): string {
  return `line-${offset}`;
}
