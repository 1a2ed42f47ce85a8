import { formatBytes } from '../../protocol/format';
import type { BlockSummary } from '../../protocol/messages';
import type { Strings } from '../messages';
import type { Comparison } from '../model/comparison';
import * as grids from '../model/grid';
import { formatOffset, offsetDigits } from '../model/hex';
import type { Summaries } from '../model/summaries';
import { fill } from '../model/text';
import { Canvas } from './canvas';
import { element, iconButton } from './dom';
import { Legend } from './legend';
import { paintBorder, paintCell, type Box } from './paint';
import type { Palette } from './palette';

/** Pixels. */
const CELL_HEIGHT = 13;
const SHORTEST_CELL = 9;
const LABEL_GAP = 12;
const MAX_ROWS = 8;

/** What was drawn last. */
interface Frame {
  readonly grid: grids.Grid;
  readonly section: grids.Section;
  readonly rows: number;
  readonly summary: BlockSummary | undefined;
  /** Pixels: where the cells begin, and how wide each is. */
  readonly left: number;
  readonly cellWidth: number;
}

/** The map of the file: each cell tells by its shade how many of its bytes changed. */
export class BlockMap {
  readonly element: HTMLElement;
  readonly #cells: Canvas;
  readonly #caption = element('span', { class: 'caption' });
  readonly #scale = element('span', { class: 'scale' });
  readonly #legend: Legend;
  readonly #zoomIn: HTMLButtonElement;
  readonly #zoomOut: HTMLButtonElement;
  readonly #zoomFit: HTMLButtonElement;
  /** Undefined: the whole file. */
  #section: grids.Section | undefined;
  #frame: Frame | undefined;
  #hovered: number | undefined;
  #moves = 0;

  constructor(
    private readonly strings: Strings,
    private readonly comparison: Comparison,
    private readonly summaries: Summaries,
    private readonly palette: () => Palette,
    private readonly changed: () => void,
  ) {
    const role = { role: 'slider', 'aria-label': strings.mapLabel, 'aria-valuemin': '0' };
    this.#cells = new Canvas({ class: 'cells', tabindex: '0', ...role });
    this.#legend = new Legend(strings);
    this.#zoomOut = iconButton('zoomOut', strings.zoomOut, () => this.#zoom('out', comparison.cursor));
    this.#zoomIn = iconButton('zoomIn', strings.zoomIn, () => this.#zoom('in', comparison.cursor));
    this.#zoomFit = iconButton('fit', strings.zoomFit, () => this.#show(undefined));
    const bar = element('div', { class: 'bar' }, this.#caption, this.#scale, this.#legend.element);
    bar.append(this.#zoomOut, this.#zoomIn, this.#zoomFit);
    this.element = element('section', { class: 'map' }, bar, this.#cells.element);
    this.#listen(this.#cells.element);
  }

  /** The stretch of the file that it shows; undefined before there is one. */
  get stretch(): { readonly start: number; readonly end: number } | undefined {
    if (this.#frame === undefined) return undefined;
    const { section, grid } = this.#frame;
    return { start: section.start, end: section.start + grids.extentOf(section, grid) };
  }

  render(): void {
    const { length, cursor } = this.comparison;
    const frame = this.#layOut();
    this.#frame = frame;
    this.#cells.element.style.height = `${frame.rows * CELL_HEIGHT}px`;
    this.#draw(frame);
    this.#legend.render(this.palette());
    this.#scale.textContent = fill(this.strings.mapScale, formatBytes(frame.section.span));
    this.#caption.textContent = this.#describe(frame, this.#hovered ?? cursor);
    const { span } = grids.wholeFile(length, frame.grid);
    this.#zoomIn.disabled = frame.section.span <= grids.BLOCK;
    this.#zoomOut.disabled = frame.section.span >= span;
    this.#zoomFit.disabled = frame.section.span >= span;
    const slider = this.#cells.element;
    slider.setAttribute('aria-valuemax', String(Math.max(0, length - 1)));
    slider.setAttribute('aria-valuenow', String(cursor));
    slider.setAttribute('aria-valuetext', this.#describe(frame, cursor));
  }

  #layOut(): Frame {
    const { length, cursor, moves } = this.comparison;
    const canvas = this.#cells.element;
    const { width } = canvas.getBoundingClientRect();
    const left = this.#labelWidth();
    const grid = grids.gridFor(width - left, MAX_ROWS * CELL_HEIGHT, SHORTEST_CELL, CELL_HEIGHT);
    const whole = grids.wholeFile(length, grid);
    if (this.#section !== undefined && this.#section.span >= whole.span) this.#section = undefined;
    if (this.#section !== undefined && moves !== this.#moves) {
      this.#section = grids.including(this.#section, grid, length, cursor);
    }
    this.#moves = moves;
    const section = this.#section ?? whole;
    const rows = grids.filledRows(section, grid, length);
    const count = grid.columns * rows;
    const summary = length > 0 ? this.summaries.peek(section.start, count * section.span, count) : undefined;
    return { grid, section, rows, summary, left, cellWidth: (width - left) / grid.columns };
  }

  #labelWidth(): number {
    const context = this.#cells.element.getContext('2d')!;
    context.font = this.#font;
    const label = formatOffset(0, offsetDigits(this.comparison.length));
    return Math.ceil(context.measureText(label).width) + LABEL_GAP;
  }

  get #font(): string {
    const { fontSize, fontFamily } = getComputedStyle(this.#cells.element);
    return `${fontSize} ${fontFamily}`;
  }

  #draw({ grid, section, rows, summary, left, cellWidth }: Frame): void {
    const { length, cursor } = this.comparison;
    const palette = this.palette();
    const context = this.#cells.begin();
    context.font = this.#font;
    context.textBaseline = 'middle';
    for (let cell = 0; cell < grid.columns * rows; cell++) {
      const start = section.start + cell * section.span;
      if (start >= length) break;
      const column = cell % grid.columns;
      const y = Math.floor(cell / grid.columns) * CELL_HEIGHT;
      if (column === 0) {
        context.fillStyle = palette.faint;
        context.fillText(formatOffset(start, offsetDigits(length)), 0, y + CELL_HEIGHT / 2);
      }
      const box: Box = { x: left + column * cellWidth, y, width: cellWidth - 1, height: CELL_HEIGHT - 1 };
      const shade = grids.shade(this.#changedIn(start, section.span, summary?.cells[cell]), section.span);
      paintCell(context, box, shade, this.#colorAt(start, palette), palette);
      const marked = cursor >= start && cursor < start + section.span;
      if (marked) paintBorder(context, box, palette.focus);
      else if (this.#hovered === start) paintBorder(context, box, palette.foreground);
    }
  }

  #colorAt(offset: number, palette: Palette): string {
    if (offset >= this.comparison.size) return palette.removed;
    return offset >= this.comparison.baseSize ? palette.added : palette.modified;
  }

  /** Bytes of a cell that changed; those that only the base has are not among what the daemon counts. */
  #changedIn(start: number, span: number, counted: number | undefined): number {
    const { size, length } = this.comparison;
    const end = Math.min(start + span, length);
    const gone = Math.max(0, end - Math.max(start, size));
    return Math.min(end - start, (counted ?? 0) + gone);
  }

  #describe({ section, summary }: Frame, offset: number): string {
    const { length } = this.comparison;
    const start = offset - (offset % section.span);
    const end = Math.min(start + section.span, Math.max(length, 1));
    const counted = summary?.cells[(start - section.start) / section.span];
    const digits = offsetDigits(length);
    return fill(
      this.strings.mapCell,
      formatOffset(start, digits),
      formatOffset(end - 1, digits),
      summary === undefined ? '…' : formatBytes(this.#changedIn(start, section.span, counted)),
      formatBytes(end - start),
    );
  }

  #listen(canvas: HTMLCanvasElement): void {
    canvas.addEventListener('pointermove', (event) => this.#hover(this.#cellAt(event)));
    canvas.addEventListener('pointerleave', () => this.#hover(undefined));
    canvas.addEventListener('click', (event) => {
      const start = this.#cellAt(event);
      if (start !== undefined) this.#enter(start);
    });
    const turn = (event: WheelEvent): void => {
      event.preventDefault();
      const at = this.#cellAt(event) ?? this.comparison.cursor;
      if (event.ctrlKey || event.metaKey) this.#zoom(event.deltaY < 0 ? 'in' : 'out', at);
      else this.#pan(Math.sign(event.deltaY));
    };
    canvas.addEventListener('wheel', turn, { passive: false });
    canvas.addEventListener('keydown', (event) => {
      if (this.#frame !== undefined && this.#press(event.key, this.#frame)) event.preventDefault();
    });
  }

  /** Returns whether the key means something here. */
  #press(key: string, { section, grid }: Frame): boolean {
    const { cursor, length } = this.comparison;
    const cell = cursor - (cursor % section.span);
    const row = section.span * grid.columns;
    const step = steps(section.span, row, row * grid.rows).get(key);
    if (step !== undefined) {
      this.comparison.moveTo(cell + step);
      return true;
    }
    switch (key) {
      case 'Home':
        this.comparison.moveTo(0);
        return true;
      case 'End':
        this.comparison.moveTo(length - 1);
        return true;
      case 'Enter':
      case ' ':
        this.#enter(cell);
        return true;
      case '+':
      case '=':
        this.#zoom('in', cursor);
        return true;
      case '-':
        this.#zoom('out', cursor);
        return true;
      case '0':
        this.#show(undefined);
        return true;
      default:
        return false;
    }
  }

  #hover(start: number | undefined): void {
    if (start === this.#hovered) return;
    this.#hovered = start;
    this.changed();
  }

  #enter(start: number): void {
    const span = this.#frame?.section.span ?? 0;
    void this.comparison.goToChangeWithin(start, start + span);
  }

  #zoom(way: 'in' | 'out', at: number): void {
    if (this.#frame === undefined) return;
    const { section, grid } = this.#frame;
    this.#show(grids.zoom(section, grid, this.comparison.length, way, at));
  }

  #pan(rows: number): void {
    if (this.#frame === undefined) return;
    const { section, grid } = this.#frame;
    this.#show(grids.pan(section, grid, this.comparison.length, rows));
  }

  #show(section: grids.Section | undefined): void {
    this.#section = section;
    // What comes before the next frame is drawn goes on from here.
    if (this.#frame !== undefined && section !== undefined) this.#frame = { ...this.#frame, section };
    this.changed();
  }

  /** Where the cell below the pointer begins. */
  #cellAt({ offsetX, offsetY }: MouseEvent): number | undefined {
    if (this.#frame === undefined) return undefined;
    const { section, grid, left, cellWidth } = this.#frame;
    const column = Math.floor((offsetX - left) / cellWidth);
    if (column < 0 || column >= grid.columns) return undefined;
    const start = section.start + (Math.floor(offsetY / CELL_HEIGHT) * grid.columns + column) * section.span;
    return start < this.comparison.length ? start : undefined;
  }
}

/** By how many bytes the keys move. */
function steps(cell: number, row: number, screen: number): ReadonlyMap<string, number> {
  return new Map([
    ['ArrowLeft', -cell],
    ['ArrowRight', cell],
    ['ArrowUp', -row],
    ['ArrowDown', row],
    ['PageUp', -screen],
    ['PageDown', screen],
  ]);
}
