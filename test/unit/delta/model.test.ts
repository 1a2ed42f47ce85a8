import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Engine } from '../../../src/core/engine';
import type { Node } from '../../../src/core/node';
import { check } from '../../../src/sys/errno';
import {
  fallocate,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  SEEK_DATA,
} from '../../../src/sys/file';
import { Stat } from '../../../src/sys/stat';

const BASE_SIZE = 10 * 4096 + 1234;
const MAX = 20 * 4096;
const RUNS = Number(process.env.COWSPACE_FUZZ_RUNS ?? 400);

type Operation =
  | { kind: 'write'; position: number; length: number; byte: number }
  | { kind: 'truncate'; size: number }
  | { kind: 'punch' | 'zero' | 'allocate'; offset: number; length: number; keepSize: boolean }
  | { kind: 'copy'; from: number; to: number; length: number }
  | { kind: 'sync' | 'reopen' | 'rename' | 'link' | 'forget' };

const position = fc.oneof(
  fc.nat(MAX),
  fc.nat(20).map((block) => block * 4096),
);
const length = fc.oneof(fc.integer({ min: 1, max: 3 * 4096 }), fc.constantFrom(1, 4095, 4096, 4097, 8192));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('write' as const), position, length, byte: fc.nat(255) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('truncate' as const), size: position }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('punch' as const, 'zero' as const, 'allocate' as const),
      offset: position,
      length,
      keepSize: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('copy' as const), from: position, to: position, length }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('sync', 'reopen', 'rename', 'link', 'forget') }),
  },
);

/** The file under test in a union, and a plain copy of it that gets the same operations. */
class Pair {
  readonly root = mkdtempSync(join(tmpdir(), 'cow-delta-'));
  readonly base = join(this.root, 'base');
  readonly plain = join(this.root, 'plain');
  engine: Engine;
  name = 'file';

  constructor() {
    mkdirSync(this.base);
    const bytes = Buffer.alloc(BASE_SIZE);
    for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + ((i * 7 + (i >> 12)) % 250);
    writeFileSync(join(this.base, 'file'), bytes);
    copyFileSync(join(this.base, 'file'), this.plain);
    this.engine = this.open();
  }

  open(): Engine {
    return Engine.open({
      bases: [this.base],
      scratch: join(this.root, 'scratch'),
      invalidator: { inode: () => undefined, entry: () => undefined },
      log: () => undefined,
      deltaThreshold: 4096,
    });
  }

  get node(): Node {
    return this.engine.lookup(this.engine.root, this.name)!;
  }

  apply(op: Operation): void {
    const fd = openSync(this.plain, 'r+');
    try {
      this.#apply(op, fd);
    } finally {
      closeSync(fd);
    }
  }

  #apply(op: Operation, fd: number): void {
    const { engine } = this;
    switch (op.kind) {
      case 'write': {
        const bytes = Buffer.alloc(op.length, op.byte);
        assert.equal(engine.write(this.node, bytes, op.length, op.position), op.length);
        writeSync(fd, bytes, 0, op.length, op.position);
        return;
      }
      case 'truncate':
        engine.setattr(this.node, { size: op.size });
        truncateSync(this.plain, op.size);
        return;
      case 'punch':
      case 'zero':
      case 'allocate': {
        const mode = modes[op.kind] | (op.kind === 'punch' || op.keepSize ? FALLOC_FL_KEEP_SIZE : 0);
        engine.fallocate(this.node, mode, op.offset, op.length);
        check(fallocate(fd, mode, op.offset, op.length), 'fallocate');
        return;
      }
      case 'copy':
        this.#copy(op, fd);
        return;
      case 'sync':
        engine.fsync(this.node, true);
        return;
      case 'reopen':
        engine.close();
        this.engine = this.open();
        return;
      case 'rename': {
        const next = this.name === 'file' ? 'other' : 'file';
        if (engine.lookup(engine.root, next) !== null) return;
        engine.rename(engine.root, this.name, engine.root, next, 0);
        this.name = next;
        return;
      }
      case 'link':
        if (engine.lookup(engine.root, 'link') === null) engine.link(this.node, engine.root, 'link');
        return;
      case 'forget':
        engine.remember(this.node);
        engine.forget(this.node.id, 1);
    }
  }

  #copy(op: { from: number; to: number; length: number }, fd: number): void {
    if (op.from < op.to + op.length && op.to < op.from + op.length) return;
    const copied = this.engine.copyFileRange(this.node, op.from, this.node, op.to, op.length);
    const bytes = readFileSync(this.plain).subarray(op.from, op.from + copied);
    writeSync(fd, bytes, 0, bytes.length, op.to);
  }

  verify(): void {
    const expected = readFileSync(this.plain);
    const stat = new Stat();
    this.engine.getattr(this.node, stat);
    assert.equal(stat.size, expected.length);
    const buffer = Buffer.alloc(MAX * 2);
    const got = this.engine.read(this.node, buffer, buffer.length, 0);
    assert.equal(got, expected.length);
    const at = expected.findIndex((byte, i) => byte !== buffer[i]);
    assert.equal(at, -1, `first difference at ${at}`);
    this.#verifyHoles(expected);
  }

  /** Whatever is said to be a hole reads as zeros, and nothing that is not zero is skipped. */
  #verifyHoles(expected: Buffer): void {
    let end = 0;
    for (let at = 0; at < expected.length;) {
      const data = seekOrEnd(this.engine, this.node, at, expected.length);
      assert.ok(expected.subarray(end, data).every((byte) => byte === 0));
      if (data >= expected.length) return;
      end = this.engine.lseek(this.node, data, SEEK_DATA + 1);
      // A file system may take zeros for data at first, and for a hole when it has written them back.
      at = Math.max(end, data + 1);
    }
  }

  dispose(): void {
    this.engine.close();
    rmSync(this.root, { recursive: true });
  }
}

const modes = { punch: FALLOC_FL_PUNCH_HOLE, zero: FALLOC_FL_ZERO_RANGE, allocate: 0 };

function seekOrEnd(engine: Engine, node: Node, at: number, size: number): number {
  try {
    return engine.lseek(node, at, SEEK_DATA);
  } catch {
    return size;
  }
}

describe('a block delta', () => {
  it(`reads like a plain copy that got the same operations (${RUNS} sequences)`, () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 25 }), (operations) => {
        const pair = new Pair();
        const before = statSync(join(pair.base, 'file'));
        const bytes = readFileSync(join(pair.base, 'file'));
        try {
          for (const op of operations) {
            pair.apply(op);
            pair.verify();
          }
          assert.deepEqual(readFileSync(join(pair.base, 'file')), bytes);
          assert.equal(statSync(join(pair.base, 'file')).mtimeMs, before.mtimeMs);
        } finally {
          pair.dispose();
        }
      }),
      { numRuns: RUNS },
    );
  }).timeout(600_000);
});
