import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCommitter, KilledCommit } from './killedCommit';
import { finish } from './workspace';

describe('a commit of a block delta that is killed', () => {
  let commit: KilledCommit;
  before('build the program that commits', buildCommitter);
  beforeEach(() => (commit = new KilledCommit()));
  afterEach(() => commit.dispose());

  it('leaves the old or the new base file at each step', () => commit.killAtSteps(3));

  it('leaves the old or the new base file at any time', () => commit.killAtRandom(6));

  it('says so when the old bytes that it saved are damaged, and touches nothing', async () => {
    await killAfterSeal();
    const w = commit.workspace;
    const [name] = readdirSync(join(w.scratch, 'undo'));
    const journal = join(w.scratch, 'undo', name!);
    const good = readFileSync(journal);
    const bad = Buffer.from(good);
    bad[5000]! ^= 0xff;
    writeFileSync(journal, bad);
    const torn = readFileSync(w.base('file'));
    assert.deepEqual(
      finish(w.engine.verify()).map(({ path }) => path),
      ['file', 'file'],
    );
    assert.match(w.log.join('\n'), /interrupted.*file: its undo journal is damaged/);
    assert.throws(() => w.read('file', 0, 1), { code: 'EIO' });
    assert.ok(readFileSync(w.base('file')).equals(torn));
    w.close();
    // Once the journal is whole again, so is everything.
    writeFileSync(journal, good);
    commit.verify();
  });

  /** Kills a commit when it has begun to overwrite the base's file. */
  async function killAfterSeal(): Promise<void> {
    for (let step = 8; ; step++) {
      commit.prepare();
      await once(commit.start(step), 'exit');
      if (!readFileSync(commit.workspace.base('file')).equals(commit.oldBytes)) return;
      assert.ok(step < 60, 'the base file was never written to');
    }
  }
});
