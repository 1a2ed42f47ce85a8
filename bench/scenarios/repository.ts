import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChecked } from '../../test/support/command';
import type { Scenario } from '../scenario';

const DIRECTORIES = 500;
const FILES_IN_EACH = 30;

export const repository: Scenario = {
  title: 'A repository of 15,000 files',
  async makeBase(directory) {
    for (let d = 0; d < DIRECTORIES; d++) {
      const path = join(directory, `group${d % 20}`, `package${d}`);
      mkdirSync(path, { recursive: true });
      for (let f = 0; f < FILES_IN_EACH; f++)
        writeFileSync(join(path, `file${f}.ts`), `export const value = ${d * f};\n`.repeat(1 + (f % 40)));
    }
    await git(directory, 'init', '--quiet');
    await git(directory, 'add', '--all');
    const identity = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.org'];
    await git(directory, ...identity, 'commit', '--quiet', '--message', 'base');
    // Files as old as the index would be read again by every `git status`.
    await runChecked('touch', ['-d', '2 seconds', join(directory, '.git/index')]);
  },
  async run(bench) {
    const find = (): Promise<string> => runChecked('find', [bench.mount, '-printf', '%s\n']);
    await bench.makeCold();
    await bench.time('find, cold', find);
    await bench.time('find, warm', find);
    await bench.makeCold();
    await bench.time('git status, cold', () => expectClean(bench.mount));
    await bench.time('git status, warm', () => expectClean(bench.mount));
    await bench.time('du, warm', () => runChecked('du', ['-s', bench.mount]));
    await bench.time('rm -rf of 3,750 files', () =>
      runChecked('rm', ['-rf', ...[0, 1, 2, 3, 4].map((i) => join(bench.mount, `group${i}`))]),
    );
  },
};

async function expectClean(directory: string): Promise<void> {
  assert.equal(await git(directory, 'status', '--porcelain'), '');
}

/** Where the base and the mount have different owners, git must not refuse to work. */
function git(directory: string, ...args: string[]): Promise<string> {
  return runChecked('git', ['-C', directory, '-c', 'safe.directory=*', '-c', 'gc.auto=0', ...args]);
}
