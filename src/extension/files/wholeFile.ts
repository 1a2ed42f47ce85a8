import { FileSystemError, l10n, type Uri } from 'vscode';
import type { z } from 'zod';
import type { readResultSchema } from '../../protocol/messages';

/** Bytes of the largest file that the extension host takes into its memory, where the editor wants all of it. */
const MAX_SIZE = 256 * 2 ** 20;

/**
 * Reads a file to its end, one answer of the daemon after the other.
 *
 * @param size in bytes, as last seen
 * @throws FileSystemError `Unavailable` for a file that is too large for that; what `read` throws
 */
export async function readWhole(
  uri: Uri,
  size: number,
  read: (offset: number) => Promise<z.output<typeof readResultSchema>>,
): Promise<Uint8Array> {
  if (size > MAX_SIZE) {
    throw FileSystemError.Unavailable(l10n.t('{0} is too large to be read as a whole.', uri.path));
  }
  const chunks: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const { base64, eof } = await read(offset);
    const chunk = Buffer.from(base64, 'base64');
    chunks.push(chunk);
    offset += chunk.length;
    if (eof || chunk.length === 0) return Buffer.concat(chunks);
  }
}
