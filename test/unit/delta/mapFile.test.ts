import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MapFile } from '../../../src/core/delta/mapFile';

const LIMIT = 2 ** 40;

describe('the file of a block map', () => {
  let root: string;
  let syncs: number;
  let map: MapFile;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cow-map-'));
    map = MapFile.create(open('wx+'), LIMIT, durability('one'));
    syncs = 0;
  });
  afterEach(() => {
    map.close();
    rmSync(root, { recursive: true });
  });

  it('is made durable by one sync when few blocks were set, and by none when none was', () => {
    for (let i = 0; i < 20; i++) map.fill(i * 1e6, i * 1e6 + 3, true);
    map.sync();
    assert.equal(syncs, 1);
    map.fill(1e6, 1e6 + 2, true);
    map.sync();
    assert.equal(syncs, 1);
    restart();
    for (let i = 0; i < 20; i++) {
      assert.deepEqual(map.map.runAt(i * 1e6, 2 ** 28), { start: i * 1e6, end: i * 1e6 + 3, changed: true });
    }
  });

  it('names the blocks that were set since its pages were last written, however often it is synced', () => {
    const blocks = Array.from({ length: 200 }, (_, i) => ((i * 7919) % 5000) * 10);
    for (const block of blocks) {
      map.fill(block, block + 1, true);
      map.sync();
    }
    assert.ok(syncs < blocks.length * 1.1, `${syncs} syncs`);
    restart();
    assert.equal(map.map.count(0, 50_000), blocks.length);
    for (const block of blocks) assert.ok(map.map.has(block));
  });

  it('does not show again what was cleared', () => {
    map.fill(10, 20, true);
    map.sync();
    map.fill(12, 14, false);
    map.sync();
    restart();
    assert.deepEqual(
      [11, 12, 13, 14].map((block) => map.map.has(block)),
      [true, false, false, true],
    );
  });

  it('knows very many blocks at once', () => {
    map.fill(0, 2 ** 25, true);
    map.sync();
    restart();
    assert.deepEqual(map.map.runAt(0, 2 ** 28), { start: 0, end: 2 ** 25, changed: true });
  });

  it('goes on after a restart', () => {
    map.fill(1, 2, true);
    map.sync();
    restart();
    map.fill(3, 4, true);
    map.sync();
    map.fill(5, 6, true);
    map.sync();
    restart();
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].filter((block) => map.map.has(block)),
      [1, 3, 5],
    );
  });

  /** The machine starts again: what was not synced does not count. */
  function restart(): void {
    map.close();
    map = MapFile.open(open('r+'), 'file', 2 ** 40, durability(`after ${String(boots++)}`));
  }
  let boots = 0;

  function open(flags: string): number {
    return openSync(join(root, 'map'), flags);
  }

  function durability(boot: string): { boot: string; fdatasync: () => number; fsync: () => number } {
    const sync = (): number => {
      syncs++;
      return 0;
    };
    return { boot, fdatasync: sync, fsync: sync };
  }
});
