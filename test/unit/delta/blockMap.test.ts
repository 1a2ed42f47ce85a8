import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { BlockMap } from '../../../src/core/delta/blockMap';

const BLOCKS = 300;

describe('the map of changed blocks', () => {
  it('tells stretches of like blocks as a plain list of them does', () => {
    const place = fc.integer({ min: 0, max: BLOCKS });
    const fills = fc.array(fc.tuple(place, place, fc.boolean()), { maxLength: 12 });
    fc.assert(
      fc.property(fills, place, (steps, from) => {
        const map = new BlockMap();
        const expected = new Array<boolean>(BLOCKS).fill(false);
        for (const [start, end, value] of steps) {
          map.fill(start, end, value);
          if (start < end) expected.fill(value, start, end);
        }
        for (let at = from; at < BLOCKS;) {
          const run = map.runAt(at, BLOCKS);
          const stop = expected.findIndex((changed, i) => i > at && changed !== expected[at]);
          assert.deepEqual(run, { start: at, end: stop < 0 ? BLOCKS : stop, changed: expected[at] });
          at = run.end;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('knows blocks beyond 16 TiB', () => {
    const map = new BlockMap();
    map.fill(0, 1, true);
    assert.equal(map.has(2 ** 32), false);
    assert.deepEqual(map.runAt(1, 2 ** 33), { start: 1, end: 2 ** 33, changed: false });
  });
});
