import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { EngineSandbox } from './support/sandbox';

/** How many directories a commit builds entries in. */
const COUNT = 40;

/** A line of the journal for a directory whose name has two characters, bytes. */
const LINE = `{"layer":1,"directory":"10","prefix":".cowspace-commit-0123456789abcdef-"}\n`.length;

/** Limits how large files may grow that this process writes: what goes beyond is written in part, as on a full disk. */
function limitFiles(size: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${size}:`]);
}

describe('A commit whose journal of temporary names is written in part', () => {
  let sandbox: EngineSandbox;
  beforeEach(() => {
    sandbox = new EngineSandbox();
  });
  afterEach(() => {
    sandbox.dispose();
  });

  it('builds nothing where the journal does not say it, and can be run again', () => {
    const [base] = sandbox.bases as [string];
    const names = Array.from({ length: COUNT }, (_, i) => `${10 + i}`);
    for (const name of names) mkdirSync(`${base}/${name}`);
    for (const name of names) sandbox.mount.symlink(`${name}/link`, 'target');
    const committed = (): string[] => names.filter((name) => readdirSync(`${base}/${name}`).length > 0);
    const commit = (): unknown => sandbox.run(sandbox.engine.commit({}));
    limitFiles(COUNT * LINE - 1);
    try {
      assert.throws(commit, { code: 'ENOSPC' });
    } finally {
      limitFiles('unlimited');
    }
    assert.equal(committed().length, COUNT - 1);
    commit();
    assert.equal(committed().length, COUNT);
    assert(!existsSync(`${sandbox.scratch}/temporaries.jsonl`));
  });
});
