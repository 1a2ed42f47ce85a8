/** Bytes from the start of a file that tell whether it is binary: as many as Git looks at. */
export const SAMPLE = 8000;

/** Whether a file that begins so is not text: it has a NUL, and no mark of UTF-16, whose text has many. */
export function looksBinary(start: Buffer): boolean {
  const isUtf16 = start.length >= 2 && ['fffe', 'feff'].includes(start.toString('hex', 0, 2));
  return !isUtf16 && start.includes(0);
}
