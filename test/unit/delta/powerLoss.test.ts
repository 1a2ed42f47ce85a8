import assert from 'node:assert/strict';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DeltaFile } from '../../../src/core/delta/deltaFile';
import type { Durability } from '../../../src/core/delta/durability';
import { MapFile } from '../../../src/core/delta/mapFile';
import { PAGE_BYTES } from '../../../src/core/delta/mapFormat';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from '../../../src/sys/file';
import { BLOCK, pattern } from './workspace';

/** Smallest piece that a disk writes whole. */
const SECTOR = 512;
const RUNS = Number(process.env['COWSPACE_FUZZ_RUNS'] ?? 150);

/** Blocks that are looked at: around the borders of the map's pages. All others stay zeros. */
const PER_PAGE = PAGE_BYTES * 8;
const STRETCHES = [
  { first: 0, count: 4 },
  { first: PER_PAGE - 2, count: 4 },
  { first: 2 * PER_PAGE - 2, count: 4 },
];
const BLOCKS = STRETCHES.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));
const BASE_SIZE = (2 * PER_PAGE + 1) * BLOCK + 1234;

/** A file's size and the bytes of its blocks, as they read; zeros beyond the end. */
interface Contents {
  readonly size: number;
  readonly blocks: ReadonlyMap<number, Buffer>;
}

class PowerLoss extends Error {}

/** A file on a disk that keeps for certain only what was synced. */
class CachedFile {
  readonly fd: number;
  #synced: Buffer[] = [];
  #syncedSize = 0;

  /**
   * @param pieces offsets and lengths that are ever written
   * @param grain bytes that a power loss keeps or loses together
   */
  constructor(
    path: string,
    private readonly pieces: () => readonly { offset: number; length: number }[],
    private readonly grain: number,
  ) {
    this.fd = openSync(path, 'w+');
  }

  get size(): number {
    return fstatSync(this.fd).size;
  }

  sync(): void {
    this.#synced = this.#read();
    this.#syncedSize = this.size;
  }

  /** What was not synced is there, or not, in any combination. */
  losePower(keeps: () => boolean): void {
    const [before, beforeSize] = [this.#synced, this.#syncedSize];
    const [after, afterSize] = [this.#read(), this.size];
    const pieces = this.pieces();
    ftruncateSync(this.fd, 0);
    ftruncateSync(this.fd, keeps() ? afterSize : beforeSize);
    const { size } = this;
    pieces.forEach(({ offset, length }, i) => {
      const bytes = Buffer.from(before[i] ?? Buffer.alloc(length));
      for (let at = 0; at < length; at += this.grain) {
        if (keeps()) after[i]!.copy(bytes, at, at, at + this.grain);
      }
      const end = Math.min(length, size - offset);
      if (end > 0) writeSync(this.fd, bytes, 0, end, offset);
    });
    this.sync();
  }

  #read(): Buffer[] {
    return this.pieces().map(({ offset, length }) => {
      const bytes = Buffer.alloc(length);
      readSync(this.fd, bytes, 0, length, offset);
      return bytes;
    });
  }
}

type Operation =
  | { kind: 'write'; block: number; start: number; length: number; byte: number }
  | { kind: 'punch' | 'zero' | 'revert'; block: number; start: number; length: number }
  | { kind: 'truncate'; block: number; start: number }
  | { kind: 'sync' | 'kill' }
  /** Power fails at this many syncs from here, or after all that follows. */
  | { kind: 'powerLoss'; syncs: number; seed: number };

const place = {
  block: fc.constantFrom(...BLOCKS),
  start: fc.constantFrom(0, 0, 100, 2048),
  length: fc.constantFrom(1, 500, 2048, BLOCK, BLOCK, 2 * BLOCK, 3 * BLOCK),
};
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      ...place,
      byte: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('punch' as const, 'zero' as const), ...place }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('revert' as const), ...place }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), block: place.block, start: place.start }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('powerLoss' as const),
      syncs: fc.nat(4),
      seed: fc.integer(),
    }),
  },
);

/** A block delta on such a disk, and what it may read after a power loss. */
class Machine {
  readonly #root = mkdtempSync(join(tmpdir(), 'cow-power-'));
  readonly #baseFd = openSync(join(this.#root, 'base'), 'w+');
  readonly #data = new CachedFile(
    join(this.#root, 'data'),
    () => BLOCKS.map((block) => ({ offset: block * BLOCK, length: BLOCK })),
    BLOCK,
  );
  readonly #map: CachedFile = new CachedFile(
    join(this.#root, 'map'),
    () =>
      Array.from({ length: Math.ceil(this.#map.size / BLOCK) }, (_, page) => ({
        offset: page * BLOCK,
        length: BLOCK,
      })),
    SECTOR,
  );
  #boot = 1;
  #syncsLeft = Infinity;
  #delta: DeltaFile;
  /** Since the last sync; the last is the present. */
  #states: Contents[];

  constructor() {
    for (const block of BLOCKS) writeSync(this.#baseFd, pattern(BLOCK, block), 0, BLOCK, block * BLOCK);
    ftruncateSync(this.#baseFd, BASE_SIZE);
    ftruncateSync(this.#data.fd, BASE_SIZE);
    const map = MapFile.create(this.#duplicate('map'), BASE_SIZE, this.#durability());
    this.#data.sync();
    this.#delta = this.#open(map);
    this.#states = [this.#contents()];
  }

  dispose(): void {
    this.#delta.close();
    for (const fd of [this.#baseFd, this.#data.fd, this.#map.fd]) closeSync(fd);
    rmSync(this.#root, { recursive: true });
  }

  apply(operation: Operation): void {
    try {
      this.#apply(operation);
      if (this.#syncsLeft <= 0) throw new PowerLoss();
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
      this.#restart();
    }
  }

  /** What is still pending happens: the last power loss. */
  end(): void {
    if (this.#syncsLeft !== Infinity) this.#restart();
  }

  #apply(operation: Operation): void {
    const delta = this.#delta;
    switch (operation.kind) {
      case 'write': {
        const { offset, length } = stretch(operation);
        const bytes = Buffer.alloc(length, operation.byte);
        // Not to be mistaken for what was written there before.
        for (let at = 0; at < length; at++)
          bytes[at] = 1 + ((operation.byte + at + this.#states.length) % 255);
        this.#change(
          (model) => model.write(offset, bytes),
          () => delta.write(bytes, length, offset),
        );
        return;
      }
      case 'punch':
      case 'zero': {
        const { offset, length } = stretch(operation);
        const mode = operation.kind === 'punch' ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
        const zeros = Buffer.alloc(Math.max(0, Math.min(length, this.#present.size - offset)));
        this.#change(
          (model) => model.write(offset, zeros),
          () => delta.allocate(mode | FALLOC_FL_KEEP_SIZE, offset, length),
        );
        return;
      }
      case 'revert': {
        const { offset, length } = stretch(operation);
        const end = Math.min(offset + length, this.#present.size, BASE_SIZE);
        if (end <= offset) return;
        const bytes = Buffer.alloc(end - offset);
        readSync(this.#baseFd, bytes, 0, bytes.length, offset);
        this.#change(
          (model) => model.write(offset, bytes),
          () => {
            delta.revert(offset, end);
            delta.release(offset, end);
          },
        );
        return;
      }
      case 'truncate': {
        const size = operation.block * BLOCK + operation.start;
        this.#change(
          (model) => model.truncate(size),
          () => delta.truncate(size),
        );
        return;
      }
      case 'sync':
        delta.sync(false);
        this.#states = [this.#present];
        return;
      case 'kill':
        delta.close();
        this.#delta = this.#open(MapFile.open(this.#duplicate('map'), 'file', BASE_SIZE, this.#durability()));
        assertSame(this.#contents(), this.#present);
        return;
      case 'powerLoss':
        this.#syncsLeft = Math.min(this.#syncsLeft, operation.syncs);
        this.#seed = operation.seed;
    }
  }

  #seed = 0;

  get #present(): Contents {
    return this.#states.at(-1)!;
  }

  /** Does the same to the model and to the delta. A power loss in the middle leaves the one or the other. */
  #change(model: (contents: Model) => void, real: () => void): void {
    const next = new Model(this.#present);
    model(next);
    this.#states.push(next);
    real();
    assertSame(this.#contents(), next);
  }

  /** The power fails, and the machine starts again. */
  #restart(): void {
    this.#delta.close();
    let random = this.#seed | 1;
    const keeps = (): boolean => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return (random & 1) === 0;
    };
    this.#data.losePower(keeps);
    this.#map.losePower(keeps);
    this.#boot++;
    this.#syncsLeft = Infinity;
    this.#delta = this.#open(MapFile.open(this.#duplicate('map'), 'file', BASE_SIZE, this.#durability()));
    const found = this.#contents();
    assertPossible(found, this.#states);
    this.#states = [found];
  }

  #contents(): Contents {
    const { size } = this.#delta;
    const blocks = new Map<number, Buffer>();
    for (const block of BLOCKS) {
      const bytes = Buffer.alloc(BLOCK, 0xaa);
      const got = this.#delta.read(bytes, BLOCK, block * BLOCK);
      assert.equal(got, Math.max(0, Math.min(BLOCK, size - block * BLOCK)));
      bytes.fill(0, got);
      blocks.set(block, bytes);
    }
    return { size, blocks };
  }

  #open(map: MapFile): DeltaFile {
    return new DeltaFile(this.#duplicate('data'), this.#duplicate('base'), map, this.#durability());
  }

  /** A descriptor that the delta may close. */
  #duplicate(name: 'base' | 'data' | 'map'): number {
    return openSync(join(this.#root, name), 'r+');
  }

  #durability(): Durability {
    const sync = (fd: number): number => {
      if (--this.#syncsLeft < 0) throw new PowerLoss();
      const { ino } = fstatSync(fd);
      (ino === fstatSync(this.#data.fd).ino ? this.#data : this.#map).sync();
      return 0;
    };
    return { boot: String(this.#boot), fdatasync: sync, fsync: sync };
  }
}

/** Contents that change. */
class Model implements Contents {
  size: number;
  readonly blocks: Map<number, Buffer>;

  constructor(from: Contents) {
    this.size = from.size;
    this.blocks = new Map([...from.blocks].map(([block, bytes]) => [block, Buffer.from(bytes)]));
  }

  write(offset: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const position = offset + at;
      const start = position % BLOCK;
      const length = Math.min(BLOCK - start, bytes.length - at);
      bytes.copy(this.blocks.get((position - start) / BLOCK)!, start, at, at + length);
      at += length;
    }
    if (bytes.length > 0) this.size = Math.max(this.size, offset + bytes.length);
  }

  truncate(size: number): void {
    for (const [block, bytes] of this.blocks)
      bytes.fill(0, Math.max(0, Math.min(BLOCK, size - block * BLOCK)));
    this.size = size;
  }
}

/** The bytes of an operation, as far as they lie in blocks that are looked at. */
function stretch(at: { block: number; start: number; length: number }): { offset: number; length: number } {
  const { first, count } = STRETCHES.find(
    (each) => at.block >= each.first && at.block < each.first + each.count,
  )!;
  const offset = at.block * BLOCK + at.start;
  return { offset, length: Math.min(at.length, (first + count) * BLOCK - offset) };
}

function assertSame(found: Contents, expected: Contents): void {
  assert.equal(found.size, expected.size);
  for (const block of BLOCKS) {
    assert.ok(found.blocks.get(block)!.equals(expected.blocks.get(block)!), `block ${block}`);
  }
}

/** What was synced is there, unless it was overwritten since; nothing is there that never was. */
function assertPossible(found: Contents, states: readonly Contents[]): void {
  const synced = states[0]!;
  assert.ok(
    states.some(({ size }) => size === found.size),
    `size ${found.size}`,
  );
  for (const block of BLOCKS) {
    const bytes = found.blocks.get(block)!;
    const length = Math.max(0, Math.min(BLOCK, found.size - block * BLOCK));
    const candidates = states.map((state) => state.blocks.get(block)!);
    // The size can reach the disk before the bytes of what was appended.
    if (synced.size < block * BLOCK + length) {
      const appended = Buffer.from(synced.blocks.get(block)!);
      candidates.push(appended.fill(0, Math.max(0, synced.size - block * BLOCK)), Buffer.alloc(BLOCK));
    }
    // Of a block in which the base's bytes end, what was appended can be there without the rest of the same write.
    const wrong = bytes
      .subarray(0, length)
      .findIndex((byte, at) => !candidates.some((state) => state[at] === byte));
    assert.equal(wrong, -1, `byte ${wrong} of block ${block} is neither what was synced nor what came after`);
  }
}

describe('a block delta at a power loss', () => {
  it(`keeps what was synced, and never shows what was not there (${RUNS} sequences)`, () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 5, maxLength: 40 }), (operations) => {
        const machine = new Machine();
        try {
          for (const each of operations) machine.apply(each);
          machine.end();
        } finally {
          machine.dispose();
        }
      }),
      { numRuns: RUNS },
    );
  }).timeout(300_000);
});
