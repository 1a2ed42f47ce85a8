/** The map of a file as a grid of cells, each of which stands for the same number of bytes. */

/** The smallest span of a cell: a block of the daemon's block map, in bytes. */
export const BLOCK = 4096;

/** How many cells there is room for. `columns` is a power of two, so that every row begins at a round offset. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** The part of a file that the grid shows. */
export interface Section {
  /** Offset of the first cell; a row of the grid begins there. */
  readonly start: number;
  /** Bytes of a cell: a power of two, at least {@link BLOCK}. */
  readonly span: number;
}

/** The grid that fits into a place of this size, in any unit. */
export function gridFor(width: number, height: number, cellWidth: number, cellHeight: number): Grid {
  const columns = 2 ** Math.floor(Math.log2(Math.max(8, width / cellWidth)));
  return { columns, rows: Math.max(1, Math.floor(height / cellHeight)) };
}

/** The whole file, with the smallest cells that allow it. */
export function wholeFile(length: number, { columns, rows }: Grid): Section {
  let span = BLOCK;
  while (span * columns * rows < length) span *= 2;
  return { start: 0, span };
}

/** Bytes that the grid shows at most. */
export function extentOf({ span }: Section, { columns, rows }: Grid): number {
  return span * columns * rows;
}

/** How many rows of the grid the file fills. */
export function filledRows({ start, span }: Section, { columns, rows }: Grid, length: number): number {
  return Math.min(rows, Math.max(1, Math.ceil((length - start) / (span * columns))));
}

/**
 * Cells of half or twice the span, as far as there is a use for them.
 *
 * @param at the offset that stays where it is, as far as rows begin at round offsets
 */
export function zoom(section: Section, grid: Grid, length: number, way: 'in' | 'out', at: number): Section {
  const whole = wholeFile(length, grid);
  const span = way === 'in' ? Math.max(BLOCK, section.span / 2) : Math.min(whole.span, section.span * 2);
  const share = (at - section.start) / section.span;
  return place({ start: at - share * span, span }, grid, length);
}

/** The section some rows further down. */
export function pan(section: Section, grid: Grid, length: number, rows: number): Section {
  return place({ ...section, start: section.start + rows * grid.columns * section.span }, grid, length);
}

/** The section if it shows the offset, else the one with that in the middle. */
export function including(section: Section, grid: Grid, length: number, offset: number): Section {
  const extent = extentOf(section, grid);
  if (offset >= section.start && offset < section.start + extent) return place(section, grid, length);
  return place({ ...section, start: offset - extent / 2 }, grid, length);
}

/** Begins the section at a row, and not so late that rows of the grid stay empty that could be filled. */
function place({ start, span }: Section, grid: Grid, length: number): Section {
  const row = span * grid.columns;
  const last = Math.max(0, Math.ceil(length / row) - grid.rows) * row;
  return { start: Math.min(last, Math.max(0, Math.round(start / row) * row)), span };
}

/** Shades of a cell: 0 is unchanged. */
export const SHADES = 5;

/**
 * How much of a cell changed, as a shade. The scale is logarithmic, since one block of a cell that stands for a
 * gigabyte must be seen.
 */
export function shade(changed: number, span: number): number {
  if (changed <= 0) return 0;
  const decades = Math.log10(span / BLOCK) + 1;
  const share = 1 + Math.log10(Math.min(1, changed / span)) / decades;
  return Math.min(SHADES, Math.max(1, Math.ceil(share * SHADES)));
}
