import type { DaemonClient } from '../protocol/client';
import { CowspaceError } from '../protocol/errors';
import type { ByteRange, RangePage } from '../protocol/messages';
import { methods } from '../protocol/methods';

/** The changed ranges of a file in order, as the daemon finds them; one page at least. @throws CowspaceError */
export async function* rangePages(client: DaemonClient, path: string): AsyncGenerator<RangePage> {
  for (let offset: number | null = 0; offset !== null;) {
    const page: RangePage = await client.request(methods.ranges, { path, offset });
    yield page;
    offset = page.next;
  }
}

/** Reads `OFFSET:LENGTH`, in bytes, decimal or with `0x`. @throws CowspaceError `usage` */
export function parseRange(text: string): ByteRange {
  const [, offset, length] = /^(\d+|0x[\da-f]+):(\d+|0x[\da-f]+)$/i.exec(text) ?? [];
  const range = { offset: Number(offset), length: Number(length) };
  if (Number.isSafeInteger(range.offset + range.length) && range.length > 0) return range;
  throw new CowspaceError(
    'usage',
    `'${text}' is no range: write OFFSET:LENGTH in bytes, such as 8192:4096 or 0x2000:0x1000.`,
  );
}
