import { strict as assert } from 'node:assert';
import { count, path, size, table } from '../../../src/cli/text';

describe('text', () => {
  it('writes sizes for people', () => {
    assert.deepEqual([0, 999, 1000, 1024, 10_000, 123_456, 1_048_576, 5e12].map(size), [
      '0 B',
      '999 B',
      '1.0 KiB',
      '1.0 KiB',
      '9.8 KiB',
      '121 KiB',
      '1.0 MiB',
      '4.5 TiB',
    ]);
  });

  it('prints nothing that a terminal would obey', () => {
    assert.equal(path('a b/ü'), 'a b/ü');
    assert.equal(path('a\x1b[31m\n'), '"a\\u001b[31m\\n"');
    assert.equal(path('a\udc80'), '"a\\udc80"');
  });

  it('counts', () => {
    assert.deepEqual([count(1, 'change'), count(2, 'change')], ['1 change', '2 changes']);
  });

  it('aligns columns', () => {
    const columns = [{ heading: 'A' }, { heading: 'B', align: 'right' as const }, {}];
    assert.equal(
      table(columns, [
        ['xx', '1', 'y'],
        ['x', '100', ''],
      ]),
      'A     B\nxx    1  y\nx   100\n',
    );
    assert.equal(table([{}, {}], []), '');
  });
});
