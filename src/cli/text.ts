/** How things look to people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A number of bytes with at most three digits and a unit. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]!}`;
}

/** A line that a terminal does not obey: with control characters written as escapes. */
export function printable(line: string): string {
  return line.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** A path that is safe to print: one with control characters or bytes that are no text is quoted. */
export function path(text: string): string {
  return /[\p{Cc}\p{Cs}]/u.test(text) ? JSON.stringify(text) : text;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

export interface Column {
  readonly heading?: string;
  readonly align?: 'left' | 'right';
  /** Applied to the padded text of a row. */
  readonly style?: (text: string, row: number) => string;
}

/** Rows under each other with aligned columns; a heading line when there are headings. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const headings = columns.map(({ heading }) => heading ?? '');
  const lines = headings.some((heading) => heading !== '') ? [headings, ...rows] : rows;
  const widths = columns.map((_, i) => Math.max(0, ...lines.map((cells) => cells[i]!.length)));
  const format = (cells: readonly string[], row: number): string =>
    columns
      .map(({ align, style }, i) => {
        const padded = align === 'right' ? cells[i]!.padStart(widths[i]!) : cells[i]!.padEnd(widths[i]!);
        return style !== undefined && row >= 0 ? style(padded, row) : padded;
      })
      .join('  ')
      .trimEnd();
  const first = lines.length - rows.length;
  return lines.map((cells, i) => `${format(cells, i - first)}\n`).join('');
}
