import type { Strings } from '../messages';
import { SHADES } from '../model/grid';
import { Canvas } from './canvas';
import { element } from './dom';
import { paintCell } from './paint';
import type { Palette } from './palette';

/** What the shades of the map mean. */
export class Legend {
  readonly element: HTMLElement;
  readonly #canvas = new Canvas({});

  constructor(strings: Strings) {
    const attributes = { class: 'legend', 'aria-hidden': 'true' };
    this.element = element('span', attributes, strings.unchanged, this.#canvas.element, strings.changed);
  }

  render(palette: Palette): void {
    const context = this.#canvas.begin();
    const { width, height } = this.#canvas;
    const cell = width / (SHADES + 1);
    for (let shade = 0; shade <= SHADES; shade++) {
      const box = { x: shade * cell, y: 0, width: cell - 1, height };
      paintCell(context, box, shade, palette.modified, palette);
    }
  }
}
