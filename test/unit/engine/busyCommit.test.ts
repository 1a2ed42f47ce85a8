import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommitResult } from '../../../src/protocol/messages';
import { RENAME_EXCHANGE } from '../../../src/sys/file';
import { assertSame, readImage } from './support/image';
import { EngineSandbox } from './support/sandbox';

describe('Commit while its users go on', () => {
  let sandbox: EngineSandbox;
  let base: string;

  beforeEach(() => {
    sandbox = new EngineSandbox(1, { deltaThreshold: Infinity });
    base = sandbox.bases[0]!;
  });

  afterEach(() => {
    sandbox.dispose();
  });

  /** Does something before one of the steps of a commit, whichever it is, and then commits what is left. */
  function atEachStep(prepare: () => void, meanwhile: () => void): void {
    for (let at = 1, done = false; !done; at++) {
      prepare();
      let steps = 0;
      const result = commit(() => {
        if (++steps === at) meanwhile();
      });
      done = steps < at;
      assert.deepEqual(unexpected(result), [], `at step ${at}`);
      const view = readImage(sandbox.mount);
      assert.deepEqual(commit().conflicts, [], `after step ${at}`);
      const leniency = { times: true, links: true };
      assertSame(`the mount after step ${at}`, readImage(sandbox.mount), view, leniency);
      assertSame(`the base after step ${at}`, sandbox.baseImage(), view, leniency);
      sandbox.dispose();
      sandbox = new EngineSandbox(1, { deltaThreshold: Infinity });
      base = sandbox.bases[0]!;
    }
  }

  function commit(between?: () => void): CommitResult {
    return sandbox.run(sandbox.engine.commit({}), between);
  }

  function unexpected({ conflicts }: CommitResult): unknown[] {
    return conflicts.filter(({ reason }) => !reason.endsWith('while it was committed'));
  }

  it('takes a directory for a file that was put in its place', () => {
    atEachStep(
      () => {
        mkdirSync(join(base, 'directory'));
        writeFileSync(join(base, 'directory/file'), 'old');
        writeFileSync(join(base, 'other'), 'other');
        sandbox.mount.write('directory/file', 0, Buffer.from('new'));
      },
      () => {
        sandbox.mount.rename('directory', 'other', RENAME_EXCHANGE);
      },
    );
  });
});
