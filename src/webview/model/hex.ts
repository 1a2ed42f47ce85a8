/** Lines of a hex view that compares two sides. */

/** How two bytes at the same offset relate: `absent` when the side has ended, `pending` when it is not read yet. */
export type Mark = 'same' | 'changed' | 'absent' | 'pending';

/** A byte; {@link ABSENT} past the end of its side; undefined: not read yet. */
export type Byte = number | undefined;
export const ABSENT = -1;

/** Consecutive characters that look alike. */
export interface Run {
  text: string;
  readonly mark: Mark;
  readonly selected: boolean;
  readonly cursor: boolean;
}

export interface Line {
  readonly offset: number;
  /** Two hex digits a byte, with gaps. */
  readonly digits: readonly Run[];
  /** One character a byte. */
  readonly characters: readonly Run[];
  /** Whether a byte of the line differs. */
  readonly changed: boolean;
}

/** What is selected, from the lower offset to the higher one, and the end of it that moves. */
export interface Selection {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  readonly cursor: number;
}

const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Bytes between which there is a wider gap. */
export const GROUP = 8;

/** Two hex digits. */
export function formatByte(byte: number): string {
  return hexOf[byte] ?? '';
}

/** An offset in hex with at least so many digits. */
export function formatOffset(offset: number, digits: number): string {
  return offset.toString(16).toUpperCase().padStart(digits, '0');
}

/** How many digits the offsets of a file of this length need: at least eight, and an even number. */
export function offsetDigits(length: number): number {
  const digits = Math.max(8, length.toString(16).length);
  return digits + (digits % 2);
}

/** Whether a byte is a character of ASCII that can be seen. */
export function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

/** The character of a byte as a hex view shows it: printable ASCII, a dot for all else. */
export function formatCharacter(byte: number): string {
  return isPrintable(byte) ? String.fromCharCode(byte) : '·';
}

/**
 * One line of one side.
 *
 * @param own the bytes of this side
 * @param other the bytes of the other one, as many
 */
export function lineOf(
  offset: number,
  own: readonly Byte[],
  other: readonly Byte[],
  selection: Selection,
): Line {
  const digits: Run[] = [];
  const characters: Run[] = [];
  let changed = false;
  for (const [i, byte] of own.entries()) {
    const at = offset + i;
    const mark = markOf(byte, other[i]);
    const look = {
      mark,
      selected: at >= selection.start && at < selection.end,
      cursor: at === selection.cursor,
    };
    changed ||= mark === 'changed' || (mark === 'absent' && other[i] !== ABSENT);
    if (i > 0) append(digits, gapBefore(i), { ...gapLook(digits.at(-1)!, look), cursor: false });
    append(digits, byte === undefined || byte === ABSENT ? '  ' : formatByte(byte), look);
    append(characters, byte === undefined || byte === ABSENT ? ' ' : formatCharacter(byte), look);
  }
  return { offset, digits, characters, changed };
}

function markOf(own: Byte, other: Byte): Mark {
  if (own === ABSENT) return 'absent';
  if (own === undefined || other === undefined) return 'pending';
  return own === other ? 'same' : 'changed';
}

function gapBefore(index: number): string {
  return index % GROUP === 0 ? '  ' : ' ';
}

/** A gap looks like what is on both sides of it. */
function gapLook(before: Run, after: Omit<Run, 'text'>): Omit<Run, 'text' | 'cursor'> {
  return {
    mark: before.mark === after.mark ? after.mark : 'same',
    selected: before.selected && after.selected,
  };
}

function append(runs: Run[], text: string, look: Omit<Run, 'text'>): void {
  const last = runs.at(-1);
  const alike = last?.mark === look.mark && last.selected === look.selected && last.cursor === look.cursor;
  if (alike) last.text += text;
  else runs.push({ text, ...look });
}

/** Characters that the hex digits of so many bytes take, with the gaps between them. */
export function digitsWidth(bytes: number): number {
  return 3 * bytes - 1 + Math.floor((bytes - 1) / GROUP);
}

/** Which byte of a line the character at `column` of its hex digits belongs to. */
export function byteAtDigit(column: number, bytes: number): number {
  const group = 3 * GROUP + 1;
  const index = Math.floor(column / group) * GROUP + Math.min(GROUP - 1, Math.floor((column % group) / 3));
  return Math.min(bytes - 1, Math.max(0, index));
}

/** The most bytes a line can have, both sides next to each other, in so many characters. */
export function bytesPerLine(characters: number, fixed: number): number {
  for (const bytes of [32, 16, 8, 4, 2])
    if (2 * (digitsWidth(bytes) + bytes) + fixed <= characters) return bytes;
  return 1;
}
