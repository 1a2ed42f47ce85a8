import type { ByteRange, RangePage, Side } from '../../protocol/messages';
import type { SearchPage } from '../../webview/messages';

/** Bytes of one side that are searched at once. */
const CHUNK = 1 << 20;
/** When so many bytes were searched, or so many matches found, an answer is due. */
const MAX_SEARCHED = 16 << 20;
const MAX_MATCHES = 1000;
/** Bytes of the longest pattern. */
const MAX_PATTERN = 1 << 10;

/** What is searched. */
export interface Searched {
  ranges(offset: number): Promise<RangePage>;
  read(side: Side, offset: number, length: number): Promise<Buffer>;
}

/**
 * Finds where a pattern begins, on either side, such that it touches a changed range. Goes a bounded way; the answer
 * says where to go on.
 *
 * @param from the first offset that counts
 */
export async function searchChanges(file: Searched, pattern: Uint8Array, from: number): Promise<SearchPage> {
  const { length } = pattern;
  if (length === 0 || length > MAX_PATTERN) return { matches: [], next: null };
  const matches: number[] = [];
  let searched = 0;
  let first = from;
  for (let at: number | null = Math.max(0, from - length); at !== null;) {
    const page: RangePage = await file.ranges(at);
    for (const range of page.ranges) {
      for (const window of windowsOf(range, length, first)) {
        const found = await matchesIn(file, window, pattern);
        matches.push(...found);
        const isCut = found.length === MAX_MATCHES;
        first = isCut ? found.at(-1)! + 1 : window.offset + window.length - (length - 1);
        searched += window.length;
        if (searched >= MAX_SEARCHED || matches.length >= MAX_MATCHES) return { matches, next: first };
      }
    }
    at = page.next;
  }
  return { matches, next: null };
}

/** What of a range and its surroundings is to be read, in pieces that overlap by less than the pattern. */
function* windowsOf(range: ByteRange, length: number, first: number): Generator<ByteRange> {
  const overlap = length - 1;
  const end = range.offset + range.length + overlap;
  for (let start = Math.max(first, range.offset - overlap); start + overlap < end; start += CHUNK - overlap) {
    yield { offset: start, length: Math.min(CHUNK, end - start) };
  }
}

/** Where the pattern begins on either side, in order; no more than {@link MAX_MATCHES}. */
async function matchesIn(
  file: Searched,
  { offset, length }: ByteRange,
  pattern: Uint8Array,
): Promise<number[]> {
  const found = new Set<number>();
  for (const side of ['base', 'scratch'] as const) {
    const bytes = await file.read(side, offset, length);
    let at = bytes.indexOf(pattern);
    for (let count = 0; at >= 0 && count < MAX_MATCHES; count++) {
      found.add(offset + at);
      at = bytes.indexOf(pattern, at + 1);
    }
  }
  return [...found].sort((a, b) => a - b).slice(0, MAX_MATCHES);
}
