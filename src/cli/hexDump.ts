import type { DaemonClient } from '../protocol/client';
import type { ByteRange, Side } from '../protocol/messages';
import { methods } from '../protocol/methods';
import type { Terminal } from './terminal';

/** Bytes of a line. */
const WIDTH = 16;
/** Bytes that are asked for at once. */
const CHUNK = 64 << 10;

/**
 * Both sides of a range, base and workspace, as `hexdump -C` shows them: whole lines at multiples of 16 bytes, side by
 * side, one chunk of lines after the other.
 */
export async function* hexDump(
  client: DaemonClient,
  terminal: Terminal,
  path: string,
  { offset, length }: ByteRange,
): AsyncGenerator<string> {
  const start = offset - (offset % WIDTH);
  const end = Math.ceil((offset + length) / WIDTH) * WIDTH;
  for (let at = start; at < end; at += CHUNK) {
    const size = Math.min(CHUNK, end - at);
    const read = async (side: Side): Promise<Buffer> => {
      const { base64 } = await client.request(methods.read, { path, side, offset: at, length: size });
      return Buffer.from(base64, 'base64');
    };
    yield hexLines(terminal, at, await read('base'), await read('scratch'));
  }
}

/** Lines of two equally long stretches that begin at an offset; either may end early, where its file ends. */
export function hexLines(
  terminal: Pick<Terminal, 'style'>,
  offset: number,
  base: Uint8Array,
  mine: Uint8Array,
): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.max(base.length, mine.length); at += WIDTH) {
    const row = Array.from({ length: WIDTH }, (_, i) => i + at);
    const differs = (i: number): boolean => base[i] !== mine[i];
    const half = (bytes: Uint8Array, colour: 'red' | 'green'): string => {
      const mark = (i: number, text: string): string => (differs(i) ? terminal.style(colour, text) : text);
      const hex = row.map((i) => {
        const byte = bytes[i]?.toString(16).padStart(2, '0');
        return `${i % WIDTH === WIDTH / 2 ? '  ' : ' '}${byte === undefined ? '  ' : mark(i, byte)}`;
      });
      const text = row.map((i) => (i < bytes.length ? mark(i, printable(bytes[i]!)) : ' '));
      return `${hex.join('')}  |${text.join('')}|`;
    };
    const place = (offset + at).toString(16).padStart(8, '0');
    lines.push(`${place} ${half(base, 'red')} ${half(mine, 'green')}\n`);
  }
  return lines.join('');
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
}
