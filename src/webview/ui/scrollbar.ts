import type { Viewport } from '../model/viewport';
import { element } from './dom';

/** Pixels. */
const SHORTEST_THUMB = 20;

/**
 * The scrollbar of a list that has more rows than a browser's own can tell apart. It is for pointers only: the list
 * itself answers to keys and says to screen readers where it is.
 */
export class Scrollbar {
  readonly element = element('div', { class: 'scrollbar', 'aria-hidden': 'true' });
  readonly #thumb = element('div', { class: 'thumb' });
  readonly #viewport: Viewport;
  readonly #scrolled: () => void;

  constructor(viewport: Viewport, scrolled: () => void) {
    this.#viewport = viewport;
    this.#scrolled = scrolled;
    this.element.append(this.#thumb);
    this.element.addEventListener('pointerdown', (event) => this.#grab(event));
  }

  render(): void {
    const { start, length } = this.#viewport.thumb(this.element.clientHeight, SHORTEST_THUMB);
    this.element.hidden = this.#viewport.maxTop === 0;
    this.#thumb.style.height = `${length}px`;
    this.#thumb.style.transform = `translateY(${start}px)`;
  }

  #grab(event: PointerEvent): void {
    const { clientHeight } = this.element;
    const { top } = this.element.getBoundingClientRect();
    const { start, length } = this.#viewport.thumb(clientHeight, SHORTEST_THUMB);
    const at = event.clientY - top;
    // Beside the thumb, its middle jumps to the pointer.
    const grip = at >= start && at < start + length ? at - start : length / 2;
    const drag = (to: PointerEvent): void => {
      this.#viewport.dragThumb(to.clientY - top - grip, clientHeight, SHORTEST_THUMB);
      this.#scrolled();
    };
    followPointer(this.element, event, drag);
    drag(event);
  }
}

/** Calls `move` as the pointer moves, wherever it goes, until its button is released. */
export function followPointer(
  target: HTMLElement,
  { pointerId }: PointerEvent,
  move: (event: PointerEvent) => void,
): void {
  target.setPointerCapture(pointerId);
  target.addEventListener('pointermove', move);
  target.addEventListener('lostpointercapture', () => target.removeEventListener('pointermove', move), {
    once: true,
  });
}

/** The rows that a turn of the wheel scrolls by. */
export function wheelRows({ deltaY, deltaMode }: WheelEvent, rowHeight: number): number {
  return deltaMode === WheelEvent.DOM_DELTA_PIXEL ? deltaY / rowHeight : deltaY;
}
