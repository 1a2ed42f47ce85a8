import { CowspaceError } from './errors';

/** Size in bytes from which on a base file that is written to is kept by block, where nobody said otherwise. */
export const DEFAULT_DELTA_THRESHOLD = 1 << 20;

/** A block of a delta, bytes: below, keeping a file by block is never worth it. */
const SMALLEST = 4096;
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 };

/**
 * Reads a size as users write it: bytes, a number with K, M or G (powers of 1024), or `off`.
 *
 * @returns bytes; null for `off`: files are copied whole, whatever their size
 * @throws CowspaceError `usage`
 */
export function parseDeltaThreshold(text: string): number | null {
  if (text === 'off') return null;
  const [, digits, unit] = /^(\d+)([KMG]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[(unit ?? '').toUpperCase()] ?? NaN);
  if (Number.isSafeInteger(bytes) && bytes >= SMALLEST) return bytes;
  throw new CowspaceError(
    'usage',
    `'${text}' is no size for a block delta to begin at: use bytes (at least ${SMALLEST}), a number with K, M or G, or 'off'.`,
  );
}
