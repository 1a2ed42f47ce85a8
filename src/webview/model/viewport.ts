/**
 * What part of a long list is on the screen. Positions are counted in rows, which may be more than a browser can lay
 * out: the 69 billion rows of a terabyte need no element that is that high.
 */
export class Viewport {
  rows = 0;
  /** How many rows fit on the screen; need not be whole. */
  height = 0;
  /** The first row on the screen; need not be whole. */
  top = 0;

  /** Keeps the position as far as that is possible. */
  resize(rows: number, height: number): void {
    this.rows = rows;
    this.height = height;
    this.scrollTo(this.top);
  }

  scrollTo(top: number): void {
    this.top = Math.min(Math.max(0, top), this.maxTop);
  }

  scrollBy(rows: number): void {
    this.scrollTo(this.top + rows);
  }

  /** Brings a row on the screen, away from the edge when it was far from there. */
  reveal(row: number): void {
    const last = this.top + Math.max(1, this.height) - 1;
    if (row >= this.top && row <= last) return;
    if (row < this.top && row >= this.top - 1) this.scrollTo(row);
    else if (row > last && row <= last + 1) this.scrollTo(this.top + row - last);
    else this.scrollTo(row - Math.floor(this.height / 3));
  }

  get maxTop(): number {
    return Math.max(0, this.rows - this.height);
  }

  /** The first row of which something is on the screen. */
  get first(): number {
    return Math.floor(this.top);
  }

  /** One past the last row of which something is on the screen. */
  get end(): number {
    return Math.min(this.rows, Math.ceil(this.top + this.height));
  }

  /** How many rows a page up or down moves: one stays, to see where one is. */
  get page(): number {
    return Math.max(1, Math.floor(this.height) - 1);
  }

  /** Where the thumb of a scrollbar is on its track, in the unit of the lengths. */
  thumb(track: number, shortest: number): { readonly start: number; readonly length: number } {
    if (this.rows <= this.height) return { start: 0, length: track };
    const length = Math.min(track, Math.max(shortest, (track * this.height) / this.rows));
    return { start: ((track - length) * this.top) / this.maxTop, length };
  }

  /** Scrolls as if the thumb had been dragged to `start`. */
  dragThumb(start: number, track: number, shortest: number): void {
    const { length } = this.thumb(track, shortest);
    if (length < track) this.scrollTo((start / (track - length)) * this.maxTop);
  }
}
