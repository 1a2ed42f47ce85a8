import * as fc from 'fast-check';
import { busyCase, type Case, longCase, plainCase, reviewedCase } from './support/cases';
import { ModelRun } from './support/modelRun';

/** How many cases each test runs, and of which seed. */
const RUNS = Number(process.env['COWSPACE_MODEL_RUNS'] ?? 60);
const SEED = Number(process.env['COWSPACE_MODEL_SEED'] ?? 4);
/** How many times as many steps the long cases have. */
const LONGER = 10;
/** Steps between two comparisons of everything. */
const STRIDE = 3;

describe('Engine against a plain directory', function () {
  this.timeout(0);

  it('does the same, then commits or discards everything', () => {
    fc.assert(fc.property(plainCase, play), { numRuns: RUNS, seed: SEED });
  });

  it('commits and discards parts in between', () => {
    fc.assert(fc.property(reviewedCase, play), { numRuns: RUNS, seed: SEED });
  });

  it('commits and discards everything again and again', () => {
    fc.assert(fc.property(longCase, play), { numRuns: Math.ceil(RUNS / LONGER), seed: SEED });
  });

  it('goes on while a commit runs', () => {
    fc.assert(fc.property(busyCase, play), { numRuns: RUNS, seed: SEED });
  });
});

function play(each: Case): void {
  const run = new ModelRun(each);
  try {
    each.steps.forEach((step, i) => {
      during(`step ${i + 1}, ${step.op}`, () => run.do(step));
      if (i % STRIDE === 0) during(`after step ${i + 1}`, () => run.check());
    });
    during('after all steps', () => run.check());
    during('the last list', () => run.list());
    during(`the last ${each.ending}`, () => (each.ending === 'commit' ? run.commitAll() : run.discardAll()));
  } finally {
    run.dispose();
  }
}

function during(what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
