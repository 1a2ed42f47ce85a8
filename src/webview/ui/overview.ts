import type { Comparison } from '../model/comparison';
import { shade, SHADES } from '../model/grid';
import type { Summaries } from '../model/summaries';
import { Canvas } from './canvas';
import type { Palette } from './palette';
import { followPointer } from './scrollbar';

/** Pixels of the narrowest bar. */
const BAR = 2;

/**
 * The whole file from left to right, however large: each bar is as high as much of it changed, and a frame shows where
 * the map is. For pointers only; the map beside it does the same by keys.
 */
export class Overview {
  readonly #canvas = new Canvas({ class: 'overview', 'aria-hidden': 'true' });

  constructor(
    private readonly comparison: Comparison,
    private readonly summaries: Summaries,
    private readonly palette: () => Palette,
  ) {
    const canvas = this.element;
    canvas.addEventListener('pointerdown', (event) => {
      followPointer(canvas, event, (move) => this.#goTo(move));
      this.#goTo(event);
    });
  }

  get element(): HTMLCanvasElement {
    return this.#canvas.element;
  }

  /** @param shown the stretch that the map shows */
  render(shown: { readonly start: number; readonly end: number } | undefined): void {
    const { length, size, baseSize, cursor } = this.comparison;
    const context = this.#canvas.begin();
    const { width, height } = this.#canvas;
    const palette = this.palette();
    const count = Math.floor(width / BAR);
    if (length === 0 || count < 1) return;
    const summary = this.summaries.peek(0, length, count);
    const xOf = (offset: number): number => (offset / length) * width;
    context.fillStyle = palette.removed;
    context.fillRect(xOf(size), 0, width - xOf(size), height);
    for (const [bar, changed] of (summary?.cells ?? []).entries()) {
      const start = bar * summary!.span;
      const level = shade(changed, summary!.span);
      context.fillStyle = start >= baseSize ? palette.added : palette.modified;
      const tall = (height * level) / SHADES;
      context.fillRect(xOf(start), height - tall, Math.max(BAR, xOf(summary!.span)), tall);
    }
    context.fillStyle = palette.focus;
    context.fillRect(Math.round(xOf(cursor)) - 1, 0, 2, height);
    if (shown === undefined || shown.end - shown.start >= length) return;
    context.strokeStyle = palette.foreground;
    context.strokeRect(
      xOf(shown.start) + 0.5,
      0.5,
      Math.max(4, xOf(shown.end) - xOf(shown.start)) - 1,
      height - 1,
    );
  }

  #goTo({ offsetX }: PointerEvent): void {
    const share = Math.min(1, Math.max(0, offsetX / this.#canvas.width));
    this.comparison.moveTo(Math.floor(share * this.comparison.length));
  }
}
