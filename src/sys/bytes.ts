/**
 * File names are byte strings: each character of such a string is one byte (latin1), so that any name that the
 * kernel allows, valid UTF-8 or not, survives unchanged and makes a cheap map key. Text that people see and that
 * travels in JSON is converted here. Bytes that are not valid UTF-8 become lone surrogates U+DC80…U+DCFF, which
 * `JSON.stringify` keeps.
 */

const ASCII = /^[\x01-\x7f]*$/; // eslint-disable-line no-control-regex
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A byte string as text. */
export function toText(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  try {
    return decoder.decode(buffer);
  } catch {
    return decodeLossless(buffer);
  }
}

/** The reverse of {@link toText}. */
export function toBytes(text: string): string {
  if (ASCII.test(text)) return text;
  let bytes = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    bytes +=
      code >= 0xdc80 && code <= 0xdcff
        ? String.fromCharCode(code - 0xdc00)
        : Buffer.from(char, 'utf8').toString('latin1');
  }
  return bytes;
}

function decodeLossless(buffer: Buffer): string {
  let text = '';
  let at = 0;
  while (at < buffer.length) {
    const length = sequenceLength(buffer, at);
    text +=
      length > 0
        ? buffer.toString('utf8', at, at + length)
        : String.fromCharCode(0xdc00 + buffer.readUInt8(at));
    at += Math.max(length, 1);
  }
  return text;
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceLength(buffer: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length++) {
    try {
      decoder.decode(buffer.subarray(at, at + length));
      return length;
    } catch {
      continue;
    }
  }
  return 0;
}
