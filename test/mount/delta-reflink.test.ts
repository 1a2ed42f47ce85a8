import { strict as assert } from 'node:assert';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Job } from '../../src/core/job';
import type { ByteRange } from '../../src/protocol/messages';
import { mountImage } from '../support/images';
import { useSandbox } from '../support/sandbox';
import { buildCommitter, KilledCommit } from '../unit/delta/killedCommit';
import { BLOCK, finish, pattern, Workspace } from '../unit/delta/workspace';

const BASE = pattern(16 << 20);
const CHANGE = Buffer.alloc(BLOCK, 0xee);

for (const type of ['xfs', 'btrfs'] as const) {
  describe(`large files on ${type}, which shares blocks`, () => {
    const sandbox = useSandbox('suite');
    let directory: string;

    before('mount an image', async function () {
      directory = await mountImage(this, sandbox(), type, 320 << 20);
      await buildCommitter();
    });

    it('are cloned where base and scratch lie on it', () => {
      const w = new Workspace({ below: directory });
      writeFileSync(w.base('big'), BASE);
      w.write('big', CHANGE, BLOCK);
      assert.deepEqual(w.maps(), []);
      w.engine.fsync(w.node('big'), true);
      assert.deepEqual(w.changes(), ['changed big']);
      assert.equal(w.engine.changes.list().changes[0]!.storedBytes, BLOCK);
      assert.deepEqual(w.read('big', BLOCK, BLOCK), CHANGE);
      assert.ok(readFileSync(w.base('big')).equals(BASE));
      finish(w.engine.commit({}));
      assert.deepEqual(readFileSync(w.base('big')).subarray(BLOCK, 2 * BLOCK), CHANGE);
      assert.deepEqual(w.changes(), []);
      w.dispose();
    });

    it('are compared where they do not share blocks alone', () => {
      const w = new Workspace({ below: directory });
      writeFileSync(w.base('big'), pattern(64 << 20));
      w.write('big', CHANGE, 20 * BLOCK);
      w.write('big', CHANGE, 8000 * BLOCK);
      const { ranges, steps } = changedRanges(w, 'big');
      assert.deepEqual(
        ranges,
        [20, 8000].map((block) => ({ offset: block * BLOCK, length: BLOCK })),
      );
      assert.ok(steps < 10, `${steps} steps`);
      w.engine.setattr(w.node('big'), { mode: 0o600 });
      finish(w.engine.discardRange('big', 20 * BLOCK, BLOCK));
      assert.deepEqual(changedRanges(w, 'big').ranges, [{ offset: 8000 * BLOCK, length: BLOCK }]);
      finish(w.engine.discardRange('big', 8000 * BLOCK, BLOCK));
      assert.ok(stepsOf(w.engine.changes.update()) < 10);
      w.dispose();
    });

    it('are committed by a clone where only the base lies on it', () => {
      const w = new Workspace({ below: directory, scratchBelow: sandbox().root });
      writeFileSync(w.base('big'), BASE);
      const { ino } = statSync(w.base('big'));
      w.write('big', CHANGE, BLOCK);
      assert.equal(w.maps().length, 1);
      finish(w.engine.commit({}));
      assert.notEqual(statSync(w.base('big')).ino, ino);
      assert.deepEqual(readFileSync(w.base('big')).subarray(BLOCK, 2 * BLOCK), CHANGE);
      assert.deepEqual(w.changes(), []);
      assert.deepEqual(w.maps(), []);
      w.dispose();
    });

    it('are old or new in the base when a commit is killed', async () => {
      const commit = new KilledCommit({ below: directory, scratchBelow: sandbox().root });
      await commit.killAtSteps(6);
      await commit.killAtRandom(2);
      commit.dispose();
    });
  });
}

/** Each step of a job compares a piece at the most. */
function stepsOf(job: Job<unknown>): number {
  for (let steps = 1; ; steps++) if (job.next().done === true) return steps;
}

/** The steps are those of the job. */
function changedRanges(w: Workspace, path: string): { ranges: readonly ByteRange[]; steps: number } {
  const job = w.engine.changedRanges(path, 0, 1000);
  for (let steps = 1; ; steps++) {
    const step = job.next();
    if (step.done === true) return { ranges: step.value.ranges, steps };
  }
}
