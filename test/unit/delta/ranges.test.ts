import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { CowspaceError } from '../../../src/protocol/errors';
import type { ByteRange, RangePage } from '../../../src/protocol/messages';
import type { Job } from '../../../src/core/job';
import { S_IFREG } from '../../../src/sys/stat';
import { BLOCK, finish, pattern, useWorkspace, type Workspace } from './workspace';

const MIB = 1 << 20;
const BASE = pattern(2 * MIB + 3 * BLOCK + 77);
const MAX = BASE.length + 5 * BLOCK;
/** Equal bytes between two ranges that are too few to tell them apart. */
const GAP = 64;
const RUNS = Number(process.env['COWSPACE_FUZZ_RUNS'] ?? 60);

type Operation =
  | { kind: 'write'; offset: number; length: number; byte: number }
  | { kind: 'copyBase'; offset: number; length: number }
  | { kind: 'truncate'; size: number }
  | { kind: 'discard'; offset: number; length: number }
  | { kind: 'reopen' };

/** Where blocks, pieces of work and the file begin and end. */
const offset = fc.oneof(
  fc.nat(MAX),
  fc
    .tuple(
      fc.constantFrom(0, BLOCK, MIB - BLOCK, MIB, 2 * MIB, BASE.length),
      fc.integer({ min: -70, max: 70 }),
    )
    .map(([near, by]) => Math.max(0, near + by)),
);
const length = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.integer({ min: 1, max: 3 * BLOCK }),
  fc.constantFrom(BLOCK, MIB, MIB + 1),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      offset,
      length,
      byte: fc.nat(255),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('copyBase' as const), offset, length }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), size: offset }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('discard' as const), offset, length }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

/** Does the same to a plain copy and to the workspace; returns the plain copy's bytes. */
function apply(w: Workspace, plain: Buffer, op: Operation): Buffer {
  switch (op.kind) {
    case 'write': {
      const bytes = Buffer.alloc(op.length, op.byte);
      w.write('file', bytes, op.offset);
      return written(plain, op.offset, bytes);
    }
    case 'copyBase': {
      const bytes = BASE.subarray(op.offset, op.offset + op.length);
      if (bytes.length === 0) return plain;
      w.write('file', bytes, op.offset);
      return written(plain, op.offset, bytes);
    }
    case 'truncate':
      w.truncate('file', op.size);
      return Buffer.concat([plain.subarray(0, op.size), Buffer.alloc(Math.max(0, op.size - plain.length))]);
    case 'discard': {
      const end = Math.min(op.offset + op.length, plain.length, BASE.length);
      if (!discardRange(w, op)) return plain;
      assert.ok(end > op.offset);
      BASE.copy(plain, op.offset, op.offset, end);
      return plain;
    }
    case 'reopen':
      w.close();
      return plain;
  }
}

/** Returns whether there was anything to put back. */
function discardRange(w: Workspace, { offset, length }: ByteRange): boolean {
  try {
    finish(w.engine.discardRange('file', offset, length));
    return true;
  } catch (error) {
    assert.ok(error instanceof CowspaceError && error.code === 'usage', String(error));
    assert.ok(offset >= Math.min(w.size('file'), BASE.length));
    return false;
  }
}

function written(plain: Buffer, offset: number, bytes: Buffer): Buffer {
  const grown = Buffer.concat([plain, Buffer.alloc(Math.max(0, offset + bytes.length - plain.length))]);
  bytes.copy(grown, offset);
  return grown;
}

function expectedRanges(plain: Buffer): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let at = 0; at < plain.length; at++) {
    if (at < BASE.length && plain[at] === BASE[at]) continue;
    const last = ranges.at(-1);
    if (last !== undefined && at - (last.offset + last.length) < GAP) last.length = at + 1 - last.offset;
    else ranges.push({ offset: at, length: 1 });
  }
  return ranges;
}

function allRanges(w: Workspace, limit: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let next: number | null = 0; next !== null;) {
    const page: RangePage = finish(w.engine.changedRanges('file', next, limit));
    assert.ok(page.ranges.length <= limit);
    ranges.push(...page.ranges);
    next = page.next;
  }
  return ranges;
}

/** A map of the file marks each part that has changes; a mark without one is a block that was written back. */
function verifySummary(w: Workspace, plain: Buffer, ranges: readonly ByteRange[]): void {
  const { span, cells, size } = finish(w.engine.blockSummary('file', 0, 2 * MAX, 100));
  assert.equal(size, plain.length);
  for (const range of ranges) {
    for (const at of [range.offset, range.offset + range.length - 1]) {
      assert.ok(cells[Math.floor(at / span)]! > 0, `offset ${at} is not marked`);
    }
  }
  assert.ok(cells.every((bytes) => bytes <= span));
}

describe('changed ranges of a block delta', () => {
  const workspace = useWorkspace();

  it(`are exact, and go when they are discarded (${RUNS} sequences)`, function () {
    this.timeout(120_000);
    const w = workspace();
    writeFileSync(w.base('file'), BASE);
    const { mtimeMs } = statSync(w.base('file'));
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(1, 3, 1000),
        (operations, limit) => {
          finish(w.engine.discard({}));
          let plain: Buffer = Buffer.from(BASE);
          // A discard of ranges has nothing to do in a file that is the base's.
          w.write('file', BASE.subarray(0, 1), 0);
          for (const op of operations) plain = apply(w, plain, op);
          assert.ok(w.read('file').equals(plain));
          const ranges = expectedRanges(plain);
          assert.deepEqual(allRanges(w, limit), ranges);
          verifySummary(w, plain, ranges);
          for (const range of ranges) discardRange(w, range);
          const end = Math.min(plain.length, BASE.length);
          assert.ok(w.read('file', 0, end).equals(BASE.subarray(0, end)));
        },
      ),
      { numRuns: RUNS },
    );
    assert.equal(statSync(w.base('file')).mtimeMs, mtimeMs);
    assert.ok(readFileSync(w.base('file')).equals(BASE));
  });

  it('give their space back when they are discarded', () => {
    const w = workspace();
    writeFileSync(w.base('file'), BASE);
    w.write('file', Buffer.alloc(MIB, 1), 0);
    w.engine.fsync(w.node('file'), true);
    const before = statSync(w.upper('file')).blocks;
    finish(w.engine.discardRange('file', 0, MIB / 2));
    assert.ok(statSync(w.upper('file')).blocks <= before - MIB / 2 / 512);
    assert.deepEqual(allRanges(w, 1000), [{ offset: MIB / 2, length: MIB / 2 }]);
    finish(w.engine.discardRange('file', MIB / 2, MIB / 2));
    assert.deepEqual(w.changes(), []);
    assert.equal(statSync(w.upper('file')).blocks, 0);
  });

  it('are found without reading what the base does not reach, and holes', () => {
    const w = workspace();
    writeFileSync(w.base('file'), BASE);
    w.truncate('file', 1024 * MIB);
    w.write('file', Buffer.from('end'), 1024 * MIB - 3);
    assert.deepEqual(allRanges(w, 1000), [{ offset: BASE.length, length: 1024 * MIB - BASE.length }]);
    assert.ok(stepsOf(w.engine.changedRanges('file', 0, 1000)) < 10);
    writeFileSync(w.base('holes'), '');
    truncateSync(w.base('holes'), 1024 * MIB);
    w.truncate('holes', BLOCK);
    w.truncate('holes', 1024 * MIB);
    assert.ok(stepsOf(w.engine.changedRanges('holes', 0, 1000)) < 10);
    assert.ok(stepsOf(w.engine.blockSummary('holes', 0, 1024 * MIB, 100)) < 10);
    assert.ok(stepsOf(w.engine.changes.update()) < 10);
    assert.deepEqual(w.changes(), ['changed file']);
  });

  for (const kind of ['a delta', 'a whole file']) {
    it(`of ${kind} that was cut off meanwhile are not written beyond its end`, () => {
      const w = workspace();
      writeFileSync(w.base('file'), BASE);
      if (kind === 'a whole file') {
        w.engine.unlink(w.engine.root, 'file');
        w.engine.mknod(w.engine.root, 'file', S_IFREG | 0o644, 0, { uid: 0, gid: 0, umask: 0 });
      }
      w.write('file', Buffer.alloc(2 * MIB, 1), 0);
      verifyCutOff(w);
    });
  }

  function verifyCutOff(w: Workspace): void {
    const discard = w.engine.discardRange('file', 0, 2 * MIB);
    discard.next();
    w.truncate('file', 0);
    w.write('file', Buffer.from('new'), 0);
    finish(discard);
    assert.equal(w.size('file'), 3);
  }
});

/** How many steps a job takes; each reads a piece at the most. */
function stepsOf(job: Job<unknown>): number {
  for (let steps = 1; ; steps++) if (job.next().done === true) return steps;
}
