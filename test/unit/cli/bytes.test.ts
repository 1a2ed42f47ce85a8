import { strict as assert } from 'node:assert';
import { parseRange } from '../../../src/cli/byteRanges';
import { hexLines } from '../../../src/cli/hexDump';
import { parseDeltaThreshold } from '../../../src/protocol/deltaThreshold';
import { CowspaceError } from '../../../src/protocol/errors';

function refuses(text: string, parse: (text: string) => unknown): void {
  assert.throws(
    () => parse(text),
    (error) => error instanceof CowspaceError && error.code === 'usage' && error.message.includes(text),
    text,
  );
}

describe('sizes and ranges on a command line', () => {
  it('are thresholds in bytes, with a unit, or off', () => {
    assert.equal(parseDeltaThreshold('4096'), 4096);
    assert.equal(parseDeltaThreshold('64K'), 64 << 10);
    assert.equal(parseDeltaThreshold('1m'), 1 << 20);
    assert.equal(parseDeltaThreshold('2G'), 2 ** 31);
    assert.equal(parseDeltaThreshold('off'), null);
    for (const text of [
      '',
      '0',
      '1K',
      '-1',
      '1.5M',
      '1MB',
      'OFF',
      '99999999999999999999',
      '9007199254740991G',
    ]) {
      refuses(text, parseDeltaThreshold);
    }
  });

  it('are ranges in bytes, decimal or hexadecimal', () => {
    assert.deepEqual(parseRange('8192:4096'), { offset: 8192, length: 4096 });
    assert.deepEqual(parseRange('0x2000:0x10'), { offset: 8192, length: 16 });
    for (const text of ['', '1', '1:', ':1', '1:0', '-1:1', '1:1:1', '1-2', '9007199254740991:1']) {
      refuses(text, parseRange);
    }
  });
});

describe('hexadecimal lines', () => {
  const marked = { style: (style: string, text: string) => `${style[0]!}(${text})` };
  const plain = { style: (_: string, text: string) => text };

  it('show both sides beside each other', () => {
    const base = Buffer.from('0123456789abcdef\x00\xff~ ', 'latin1');
    const mine = Buffer.from('0123456789ABcdef\x00\xff~ ', 'latin1');
    assert.equal(
      hexLines(plain, 0x2000, base, mine),
      '00002000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|' +
        '  30 31 32 33 34 35 36 37  38 39 41 42 63 64 65 66  |0123456789ABcdef|\n' +
        '00002010  00 ff 7e 20                                       |..~             |' +
        '  00 ff 7e 20                                       |..~             |\n',
    );
  });

  it('mark what differs', () => {
    const line = hexLines(marked, 0, Buffer.from('ab'), Buffer.from('aB'));
    assert.equal(line.match(/r\(62\)/g)?.length, 1);
    assert.equal(line.match(/r\(b\)/g)?.length, 1);
    assert.equal(line.match(/g\(42\)/g)?.length, 1);
    assert.equal(line.match(/g\(B\)/g)?.length, 1);
    assert.ok(!line.includes('(61)'));
  });

  it('end where a file ends, on either side', () => {
    const [long, short] = [Buffer.alloc(20, 'x'), Buffer.alloc(3, 'x')];
    for (const [base, mine] of [
      [long, short],
      [short, long],
    ] as const) {
      const lines = hexLines(plain, 0, base, mine).split('\n');
      assert.equal(lines.length, 3);
      assert.equal(lines[0]!.length, lines[1]!.length);
    }
    assert.equal(hexLines(plain, 0, Buffer.alloc(0), Buffer.alloc(0)), '');
  });
});
