import { join } from 'node:path';
import { build } from 'esbuild';
import * as fc from 'fast-check';
import { projectDirectory } from '../../support/users';
import type * as Crashes from './support/crashes';

/** How many cases each test runs, and of which seed. */
const RUNS = Number(process.env['COWSPACE_CRASH_RUNS'] ?? 15);
const SEED = Number(process.env['COWSPACE_CRASH_SEED'] ?? 1);

const program = join(projectDirectory, 'node_modules/.cache/cowspace/crashes.js');

/**
 * The engine, with system calls that can be made the last ones, as when the daemon is killed between any two.
 * Those tests have a copy of it to themselves.
 */
async function buildCrashable(): Promise<typeof Crashes> {
  const libc = join(projectDirectory, 'src/sys/libc.ts');
  const crashable = join(__dirname, 'support/crashableLibc.ts');
  await build({
    entryPoints: [join(__dirname, 'support/crashes.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    external: ['koffi', 'fast-check'],
    logLevel: 'error',
    plugins: [
      {
        name: 'crashable system calls',
        setup(bundler) {
          bundler.onResolve({ filter: /\/libc$/ }, ({ importer }) => ({
            path: importer === crashable ? libc : crashable,
          }));
        },
      },
    ],
  });
  return (await import(program)) as typeof Crashes;
}

describe('A daemon that is killed between any two system calls', function () {
  this.timeout(0);
  let crashes: typeof Crashes;
  before('build', async () => {
    crashes = await buildCrashable();
  });

  it('of an operation has done it or not', () => {
    const { crashCase, interruptEverywhere, interruptedOperation, isAtomic, singleOperation } = crashes;
    fc.assert(
      fc.property(crashCase, singleOperation, (each, last) => {
        fc.pre(isAtomic(each, last));
        interruptEverywhere(each, interruptedOperation(last));
      }),
      { numRuns: 4 * RUNS, seed: SEED },
    );
  });

  it('of a first write leaves a file whose metadata were changed its size', () => {
    const { interruptEverywhere, interruptedOperation, metadataCopy } = crashes;
    const append = { op: 'append', path: 'a', fill: 'x', length: 1 } as const;
    interruptEverywhere(metadataCopy, interruptedOperation(append));
  });

  it('of a commit leaves the mount as it was, and the rest to another commit', () => {
    const { crashCase, interruptEverywhere, interruptedCommit } = crashes;
    fc.assert(
      fc.property(crashCase, (each) => interruptEverywhere(each, interruptedCommit)),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('of a discard has put aside what can be brought back', () => {
    const { crashCase, interruptEverywhere, interruptedDiscard } = crashes;
    fc.assert(
      fc.property(crashCase, (each) => interruptEverywhere(each, interruptedDiscard)),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('of an undo of a discard leaves the rest to another', () => {
    const { crashCase, discardAll, interruptEverywhere, interruptedUndo } = crashes;
    fc.assert(
      fc.property(crashCase, (each) => interruptEverywhere(each, interruptedUndo, discardAll)),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('of an undo of a discard brings a file back under all of its names', () => {
    const { changedLink, discardAll, interruptEverywhere, interruptedUndo } = crashes;
    interruptEverywhere(changedLink, interruptedUndo, discardAll);
  });

  const commits = [
    ['a renamed program its set-id bit', 'interruptedCommit', ['renamedSetIdProgram']],
    [
      'what was renamed into a directory that was deleted and made anew',
      'interruptedCommit',
      ['renamedIntoRemade'],
    ],
    [
      'what is written to the base alone',
      'interruptedCommitBeforeOthers',
      ['newFile', 'metadataCopy', 'changedAndRenamed'],
    ],
    ['a new file known as what the base has', 'interruptedCommitOfNewFile', ['newFile']],
    ['a file with several names all of them', 'interruptedCommit', ['changedSecondLink']],
    ['a file of which all names are deleted no conflict', 'interruptedCommitLater', ['allNamesDeleted']],
    ['a file with several names one file', 'interruptedCommitOfLinks', ['linkedFile', 'newLinks']],
    [
      'a file the names that it has, and as many',
      'interruptedCommitOfNames',
      [
        'renamedName',
        'renamedNameOfChanged',
        'renamedFirstNameOfChanged',
        'renamedNameOfSymlink',
        'linkedBefore',
        'newNameOfChanged',
        'newNameOfLarge',
      ],
    ],
    ['a large file whole that is replaced', 'interruptedCommit', ['grownLargeFile']],
    ['other names of what is in a renamed directory', 'interruptedCommit', ['linkedOutOfRenamed']],
    ['what is deleted in a renamed directory', 'interruptedCommit', ['deletedInRenamed']],
    ['what came back to a renamed directory in it', 'interruptedCommit', ['returnedIntoRenamed']],
  ] as const;
  for (const [what, interrupted, cases] of commits) {
    it(`of a commit leaves ${what}`, () => {
      for (const each of cases) crashes.interruptEverywhere(crashes[each], crashes[interrupted]);
    });
  }
});
