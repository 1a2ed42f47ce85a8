import { CowspaceError } from '../protocol/errors';

/** Most bytes of a client's message; the longest that make sense name the paths of a commit. */
export const MAX_MESSAGE = 64 << 20;
/** Most bytes of what stands before a message. */
const MAX_HEADER = 4096;

const END_OF_HEADER = '\r\n\r\n';

/**
 * Cuts what a client sends into messages, and reads on only when more is asked for.
 *
 * @throws CowspaceError `usage` for a header that makes no sense or has no end, and for a message that is too long,
 *   before anything of it is kept
 */
export async function* readMessages(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let header = '';
  let body: Buffer | undefined;
  let filled = 0;
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      if (body === undefined) {
        const before = header.length;
        header += chunk.toString('latin1', 0, MAX_HEADER);
        const end = header.indexOf(END_OF_HEADER);
        if (end < 0 && header.length < MAX_HEADER) break;
        if (end < 0 || end > MAX_HEADER)
          throw new CowspaceError('usage', 'The header of a message has no end.');
        body = Buffer.allocUnsafe(lengthOf(header.slice(0, end)));
        filled = 0;
        chunk = chunk.subarray(end + END_OF_HEADER.length - before);
        header = '';
      }
      const count = chunk.copy(body, filled);
      filled += count;
      chunk = chunk.subarray(count);
      if (filled < body.length) break;
      yield body;
      body = undefined;
    }
  }
}

function lengthOf(header: string): number {
  const length = Number(/^content-length: *(\d+) *$/im.exec(header)?.[1]);
  if (Number.isNaN(length)) throw new CowspaceError('usage', 'A header says not how long its message is.');
  if (length <= MAX_MESSAGE) return length;
  throw new CowspaceError('usage', `A message of ${length} bytes is longer than ${MAX_MESSAGE}.`);
}

/** A message as it is sent. @throws RangeError when it is longer than a string may be */
export function frame(message: object): string {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
