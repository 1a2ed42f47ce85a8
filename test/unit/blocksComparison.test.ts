import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteRange, RangePage } from '../../src/protocol/messages';
import type { CallName, Calls } from '../../src/webview/messages';
import { Comparison, type Caller, type Place } from '../../src/webview/model/comparison';
import { RangeIndex } from '../../src/webview/model/rangeIndex';
import { Recent } from '../../src/webview/model/recent';
import { Summaries } from '../../src/webview/model/summaries';

/** Two sides of a file in memory, told as the extension does. */
class TwoSides {
  readonly calls: string[] = [];
  failing = false;

  constructor(
    public ranges: ByteRange[],
    public size: number,
    public baseSize = size,
    private readonly pageLength = 1000,
  ) {}

  page(offset: number): RangePage {
    const rest = this.ranges.filter((range) => range.offset + range.length > offset);
    const ranges = rest.slice(0, this.pageLength);
    const next = rest[this.pageLength]?.offset ?? null;
    return { ranges, next, size: this.size, baseSize: this.baseSize };
  }

  readonly call: Caller = <N extends CallName>(name: N, args: Parameters<Calls[N]>) => {
    this.calls.push(`${name}${JSON.stringify(args)}`);
    return Promise.resolve().then(() => this.answer(name, args) as ReturnType<Calls[N]>);
  };

  private answer(name: CallName, args: readonly unknown[]): unknown {
    if (this.failing) throw new Error('not mounted');
    switch (name) {
      case 'ranges':
        return this.page(args[0] as number);
      case 'summary':
        return { span: 1, cells: [], size: this.size, baseSize: this.baseSize };
      case 'read':
        return new Uint8Array(args[2] as number).fill(args[0] === 'base' ? 1 : 2);
      case 'search':
      case 'copy':
      case 'discard':
        throw new Error(`not called: ${name}`);
    }
  }
}

function every(step: number, count: number): ByteRange[] {
  return Array.from({ length: count }, (_, i) => ({ offset: i * step, length: 10 }));
}

const settled = (): Promise<void> => sleep(5);

describe('the changed ranges of a file', () => {
  it('are told by number and by offset, page by page', async () => {
    const sides = new TwoSides(every(100, 2500), 250_000);
    let told = 0;
    const index = new RangeIndex(
      (offset) => Promise.resolve(sides.page(offset)),
      () => told++,
    );
    assert.deepEqual(await index.get(0), { offset: 0, length: 10 });
    assert.deepEqual([index.count, index.complete, told], [1000, false, 1]);
    assert.equal(await index.numberAt(150_000), 1500);
    assert.deepEqual(await index.get(2499), { offset: 249_900, length: 10 });
    assert.equal(await index.get(2500), undefined);
    assert.deepEqual([index.count, index.complete, index.changedBytes], [2500, true, 25_000]);
    assert.equal(index.peekNumberAt(99), 0);
    assert.equal(index.peekNumberAt(1e9), 2499);
  });

  it('are forgotten but for where pages begin, and asked for again', async () => {
    const sides = new TwoSides(every(100, 40_000), 4_000_000);
    let fetched = 0;
    let told = 0;
    const index = new RangeIndex(
      (offset) => {
        fetched++;
        return Promise.resolve(sides.page(offset));
      },
      () => told++,
    );
    await index.reach(Infinity);
    assert.deepEqual([index.count, fetched, told], [40_000, 40, 40]);
    assert.equal(index.peek(3), undefined);
    await settled();
    assert.deepEqual([fetched, told], [41, 41]);
    assert.deepEqual(index.peek(3), { offset: 300, length: 10 });
  });

  it('of an unchanged file are none', async () => {
    const index = new RangeIndex(
      () => Promise.resolve(new TwoSides([], 100).page(0)),
      () => undefined,
    );
    assert.equal(await index.get(0), undefined);
    assert.deepEqual([index.count, index.complete, await index.numberAt(50)], [0, true, -1]);
  });

  it('are fetched once for all who wait', async () => {
    let fetched = 0;
    const sides = new TwoSides(every(100, 10), 1000);
    const index = new RangeIndex(
      (offset) => {
        fetched++;
        return Promise.resolve(sides.page(offset));
      },
      () => undefined,
    );
    await Promise.all([index.get(1), index.get(2), index.numberAt(500)]);
    assert.equal(fetched, 1);
  });
});

describe('the comparison of two sides', () => {
  const failures: unknown[] = [];
  let refreshes = 0;

  function compare(sides: TwoSides, place?: Place): Comparison {
    failures.length = 0;
    refreshes = 0;
    const listener = {
      changed: () => undefined,
      refreshed: () => refreshes++,
      failed: (error: unknown) => failures.push(error),
    };
    return new Comparison(sides.call, listener, place);
  }

  async function opened(sides: TwoSides, place?: Place): Promise<Comparison> {
    const comparison = compare(sides, place);
    comparison.look();
    await settled();
    return comparison;
  }

  it('begins at the first change, or where it was left', async () => {
    const ranges = [{ offset: 500, length: 10 }];
    assert.equal((await opened(new TwoSides(ranges, 1000))).cursor, 500);
    const left = await opened(new TwoSides(ranges, 1000), { anchor: 20, cursor: 30 });
    assert.deepEqual(left.selection, { start: 20, end: 31, cursor: 30 });
  });

  it('goes from change to change, and around', async () => {
    const comparison = await opened(new TwoSides(every(100, 3), 1000));
    const cursors: number[] = [];
    for (let i = 0; i < 3; i++) {
      await comparison.goToNext();
      cursors.push(comparison.cursor);
    }
    for (let i = 0; i < 3; i++) {
      await comparison.goToPrevious();
      cursors.push(comparison.cursor);
    }
    assert.deepEqual(cursors, [100, 200, 0, 200, 100, 0]);
  });

  it('goes to the changes around a place between them', async () => {
    const comparison = await opened(new TwoSides(every(100, 3), 1000));
    comparison.moveTo(150);
    assert.equal(comparison.currentChange?.number, undefined);
    await comparison.goToPrevious();
    assert.equal(comparison.cursor, 100);
    comparison.moveTo(150);
    await comparison.goToNext();
    assert.equal(comparison.cursor, 200);
    comparison.moveTo(205);
    assert.equal(comparison.currentChange?.number, 2);
  });

  it('goes to the last change before all are known, and to those of a stretch', async () => {
    const comparison = await opened(new TwoSides(every(100, 2500), 250_000));
    await comparison.goToChange(Infinity);
    assert.equal(comparison.cursor, 249_900);
    await comparison.goToChangeWithin(150, 350);
    assert.equal(comparison.cursor, 200);
    await comparison.goToChangeWithin(120, 150);
    assert.equal(comparison.cursor, 120);
  });

  it('selects from where the cursor was', async () => {
    const comparison = await opened(new TwoSides(every(100, 3), 1000));
    comparison.moveTo(50);
    comparison.moveTo(40, true);
    assert.deepEqual(comparison.selection, { start: 40, end: 51, cursor: 40 });
    comparison.select({ offset: 7, length: 3 });
    assert.deepEqual(comparison.selection, { start: 7, end: 10, cursor: 7 });
    comparison.moveTo(1e9);
    assert.equal(comparison.cursor, 999);
  });

  it('shows a changed file when it has looked at it, and keeps the place', async () => {
    const sides = new TwoSides(every(100, 3), 1000);
    const comparison = await opened(sides);
    comparison.moveTo(250);
    sides.ranges = [...sides.ranges, { offset: 300, length: 1 }];
    comparison.look();
    comparison.look();
    await sleep(700);
    assert.deepEqual([comparison.ranges.count, comparison.cursor], [4, 250]);
    assert.equal(sides.calls.filter((call) => call === 'ranges[0]').length, 2);
    assert.equal(refreshes, 3);
  });

  it('keeps the cursor in a file that shrinks', async () => {
    const sides = new TwoSides([], 1000);
    const comparison = await opened(sides);
    comparison.moveTo(900);
    sides.size = sides.baseSize = 100;
    comparison.look();
    await sleep(700);
    assert.deepEqual(comparison.selection, { start: 99, end: 100, cursor: 99 });
  });

  it('tells of a failure, and looks again when it is asked to', async () => {
    const sides = new TwoSides(every(100, 3), 1000);
    sides.failing = true;
    const comparison = await opened(sides);
    assert.deepEqual(
      failures.map((failure) => (failure as Error).message),
      ['not mounted'],
    );
    sides.failing = false;
    comparison.look();
    await sleep(700);
    assert.deepEqual([comparison.ranges.count, comparison.cursor], [3, 0]);
  });

  it('does not ask again and again for bytes that it cannot have', async () => {
    const sides = new TwoSides([], 1000);
    const { bytes } = await opened(sides);
    sides.failing = true;
    for (let frame = 0; frame < 3; frame++) {
      assert.deepEqual(bytes.peek('base', 0, 1), [undefined]);
      await settled();
    }
    assert.equal(sides.calls.filter((call) => call.startsWith('read')).length, 1);
    sides.failing = false;
    bytes.invalidate({ base: 1000, scratch: 1000 });
    bytes.peek('base', 0, 1);
    await settled();
    assert.deepEqual(bytes.peek('base', 0, 1), [1]);
  });

  it('keeps bytes of both sides at hand, and fetches those of a changed file anew', async () => {
    const sides = new TwoSides([], 1000, 998);
    const { bytes } = await opened(sides);
    assert.deepEqual(bytes.peek('base', 996, 4), [undefined, undefined, -1, -1]);
    await settled();
    assert.deepEqual(bytes.peek('base', 996, 4), [1, 1, -1, -1]);
    bytes.invalidate({ base: 1000, scratch: 1000 });
    assert.deepEqual(bytes.peek('base', 996, 4), [1, 1, 1, 1]);
    await settled();
    assert.equal(sides.calls.filter((call) => call === 'read["base",0,16384]').length, 2);
  });
});

describe('a map of a file', () => {
  const listener = { changed: () => undefined, failed: () => undefined };

  it('asks for one stretch at a time, and for the one that it shows by now', async () => {
    const asked: number[] = [];
    const summaries = new Summaries(async (offset) => {
      asked.push(offset);
      await settled();
      return { span: 1, cells: [offset], size: 100, baseSize: 100 };
    }, listener);
    for (const offset of [1, 2, 3]) assert.equal(summaries.peek(offset, 10, 10), undefined);
    await sleep(50);
    assert.deepEqual(asked, [1, 3]);
    assert.deepEqual(summaries.peek(3, 10, 10)?.cells, [3]);
    summaries.invalidate();
    assert.deepEqual(summaries.peek(3, 10, 10)?.cells, [3]);
    await sleep(50);
    assert.deepEqual(asked, [1, 3, 3]);
  });

  it('does not ask again and again for what it cannot have', async () => {
    let asked = 0;
    const summaries = new Summaries(() => {
      asked++;
      return Promise.reject(new Error('not mounted'));
    }, listener);
    for (let frame = 0; frame < 3; frame++) {
      summaries.peek(0, 10, 10);
      await settled();
    }
    assert.equal(asked, 1);
    summaries.invalidate();
    await settled();
    assert.equal(asked, 2);
  });
});

describe('what was used lately', () => {
  it('stays, and the rest goes', () => {
    const recent = new Recent<string, number>(2);
    recent.set('a', 1);
    recent.set('b', 2);
    recent.get('a');
    recent.set('c', 3);
    assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c'), recent.size], [1, undefined, 3, 2]);
  });
});
