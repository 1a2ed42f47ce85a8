import { element } from './dom';

/** A canvas that is as sharp as the screen. Lengths are those of style sheets. */
export class Canvas {
  readonly element: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  width = 0;
  height = 0;

  constructor(attributes: Readonly<Record<string, string>>) {
    this.element = element('canvas', attributes);
    this.#context = this.element.getContext('2d')!;
  }

  /** Empties it, at the size that its element has now, and returns what to draw with. */
  begin(): CanvasRenderingContext2D {
    const { width, height } = this.element.getBoundingClientRect();
    const scale = devicePixelRatio;
    this.width = width;
    this.height = height;
    this.element.width = Math.round(width * scale);
    this.element.height = Math.round(height * scale);
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    return this.#context;
  }
}
