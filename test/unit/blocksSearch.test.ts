import assert from 'node:assert/strict';
import { looksBinary } from '../../src/extension/blocks/binary';
import { parseOffset } from '../../src/extension/blocks/offsets';
import { searchChanges, type Searched } from '../../src/extension/blocks/search';
import type { ByteRange } from '../../src/protocol/messages';
import { parseHex, Search } from '../../src/webview/model/search';

class Bytes implements Searched {
  reads = 0;

  constructor(
    private readonly base: Buffer,
    private readonly scratch: Buffer,
    private readonly changes: readonly ByteRange[],
  ) {}

  ranges(offset: number): ReturnType<Searched['ranges']> {
    const ranges = this.changes
      .filter((range) => range.offset + range.length > offset)
      .map((range) => {
        const start = Math.max(range.offset, offset);
        return { offset: start, length: range.offset + range.length - start };
      });
    return Promise.resolve({ ranges, next: null, size: this.scratch.length, baseSize: this.base.length });
  }

  read(side: 'base' | 'scratch', offset: number, length: number): Promise<Buffer> {
    this.reads++;
    return Promise.resolve(this[side].subarray(offset, offset + length));
  }
}

async function searchAll(bytes: Bytes, text: string): Promise<number[]> {
  const search = new Search(Buffer.from(text), (pattern, from) => searchChanges(bytes, pattern, from));
  while (!(await search.advance()));
  return [...search.matches];
}

describe('a search in changed ranges', () => {
  it('finds what touches a range, on either side, and nothing else', async () => {
    const base = Buffer.from('needle ..............needle.......needle');
    const scratch = Buffer.from('needle ..needle......needXX.......needle');
    const bytes = new Bytes(base, scratch, [
      { offset: 9, length: 6 },
      { offset: 25, length: 2 },
    ]);
    assert.deepEqual(await searchAll(bytes, 'needle'), [9, 21]);
  });

  it('finds overlapping matches once each, also where ranges are close', async () => {
    const bytes = new Bytes(Buffer.alloc(8), Buffer.from('aaaaaaaa'), [
      { offset: 0, length: 3 },
      { offset: 4, length: 4 },
    ]);
    assert.deepEqual(await searchAll(bytes, 'aaa'), [0, 1, 2, 3, 4, 5]);
  });

  it('finds what lies across the pieces in which a long range is read', async () => {
    const scratch = Buffer.alloc(3 << 20);
    const places = [0, (1 << 20) - 3, (1 << 20) + 9, (2 << 20) - 6, (3 << 20) - 6];
    for (const place of places) scratch.write('needle', place);
    const bytes = new Bytes(Buffer.alloc(0), scratch, [{ offset: 0, length: scratch.length }]);
    assert.deepEqual(await searchAll(bytes, 'needle'), places);
  });

  it('answers after a bounded way, and goes on from there', async () => {
    const scratch = Buffer.alloc(40 << 20);
    scratch.write('needle', 39 << 20);
    const bytes = new Bytes(Buffer.alloc(0), scratch, [{ offset: 0, length: scratch.length }]);
    const first = await searchChanges(bytes, Buffer.from('needle'), 0);
    assert.deepEqual(first.matches, []);
    assert.ok(first.next !== null && first.next < 17 << 20);
    assert.deepEqual(await searchAll(bytes, 'needle'), [39 << 20]);
  });

  it('counts no more matches than anyone steps through', async () => {
    const scratch = Buffer.alloc(1 << 20, 'a');
    const bytes = new Bytes(Buffer.alloc(0), scratch, [{ offset: 0, length: scratch.length }]);
    const search = new Search(Buffer.from('a'), (pattern, from) => searchChanges(bytes, pattern, from));
    while (!(await search.advance()));
    assert.deepEqual([search.matches.length, search.complete, search.more], [10_000, true, true]);
  });

  it('steps forward and back, and around', () => {
    const search = new Search(Uint8Array.of(1), () => Promise.resolve({ matches: [10, 20], next: null }));
    assert.deepEqual([search.after(0), search.before(0)], [-1, -1]);
    return search.advance().then(() => {
      assert.deepEqual([search.after(10), search.after(11), search.after(21)], [0, 1, 0]);
      assert.deepEqual([search.before(20), search.before(10)], [0, 1]);
    });
  });
});

describe('what people type', () => {
  it('is bytes in hex, with or without gaps', () => {
    assert.deepEqual(parseHex('DE ad be-ef'), null);
    assert.deepEqual(parseHex('DE adbe ef'), Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
    assert.deepEqual(parseHex('0x01, 0x02'), Uint8Array.of(1, 2));
    assert.equal(parseHex('abc'), null);
    assert.equal(parseHex(''), null);
  });

  it('is an offset', () => {
    const expected = new Map([
      ['0', 0],
      ['1024', 1024],
      ['1,024', 1024],
      ['0x1F', 31],
      [' 2 K ', 2048],
      ['1.5GB', 1.5 * 2 ** 30],
      ['3MiB', 3 * 2 ** 20],
      ['1T', 2 ** 40],
      ['', undefined],
      ['1F', undefined],
      ['-1', undefined],
      ['0x', undefined],
      ['99999999999999999', undefined],
    ]);
    for (const [text, offset] of expected) assert.equal(parseOffset(text), offset, text);
  });
});

describe('a file that begins with', () => {
  it('a NUL is binary, unless it is UTF-16', () => {
    assert.equal(looksBinary(Buffer.from('text')), false);
    assert.equal(looksBinary(Buffer.from('')), false);
    assert.equal(looksBinary(Buffer.from('te\0xt')), true);
    assert.equal(looksBinary(Buffer.from('\ufefftext', 'utf16le')), false);
  });
});
