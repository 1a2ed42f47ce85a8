import * as fc from 'fast-check';
import { fileOperation, type FileOperation } from './operations';
import { describeWorkspace, type WorkspacePlan, workspacePlan } from './workspacePlan';

/** What is done to a workspace: file operations, and what its owner does with it. */
export type Step =
  | FileOperation
  /** The daemon stops and starts again. */
  | { op: 'remount' }
  /** The kernel runs short of memory. */
  | { op: 'forget' }
  /** The changes are asked for. */
  | { op: 'list' }
  /**
   * Some changes, by their numbers counted round (null: all), are committed while operations go on: one after each
   * `stride` steps of the commit.
   */
  | {
      op: 'commit';
      picks: readonly number[] | null;
      stride: number;
      meanwhile: readonly FileOperation[];
    }
  /** As before; null: all. */
  | { op: 'discard'; picks: readonly number[] | null; undo: boolean };

export interface Case extends WorkspacePlan {
  readonly steps: readonly Step[];
  /** What becomes of all changes at last. */
  readonly ending: 'commit' | 'discard';
}

const pause: [number, fc.Arbitrary<Step>][] = [
  [3, fc.constant({ op: 'remount' })],
  [3, fc.constant({ op: 'forget' })],
  [6, fc.constant({ op: 'list' })],
];

const picks = fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 4 });

const review: [number, fc.Arbitrary<Step>][] = [
  [
    4,
    fc.record({
      op: fc.constant('commit' as const),
      picks,
      stride: fc.constant(1),
      meanwhile: fc.constant([]),
    }),
  ],
  [3, fc.record({ op: fc.constant('discard' as const), picks, undo: fc.boolean() })],
];

const busyCommit: [number, fc.Arbitrary<Step>][] = [
  [
    6,
    fc.record({
      op: fc.constant('commit' as const),
      picks: fc.oneof(picks, fc.constant(null)),
      stride: fc.integer({ min: 1, max: 5 }),
      meanwhile: fc.array(fileOperation, { minLength: 1, maxLength: 12 }),
    }),
  ],
];

const wholeReview: [number, fc.Arbitrary<Step>][] = [
  [1, fc.constant({ op: 'commit', picks: null, stride: 1, meanwhile: [] })],
  [1, fc.record({ op: fc.constant('discard' as const), picks: fc.constant(null), undo: fc.boolean() })],
];

/** @param mostSteps how many steps there may be @param mostBases and bases */
function caseOf(
  others: [number, fc.Arbitrary<Step>][],
  { mostSteps, mostBases } = { mostSteps: 30, mostBases: 3 },
): fc.Arbitrary<Case> {
  const step = fc.oneof(
    { weight: 60, arbitrary: fileOperation },
    ...others.map(([weight, arbitrary]) => ({ weight, arbitrary })),
  );
  return fc
    .record({
      ...workspacePlan(mostBases),
      steps: fc.array(step, { maxLength: mostSteps, size: 'max' }),
      ending: fc.constantFrom('commit' as const, 'discard' as const),
    })
    .map((each) => Object.assign(each, { [fc.toStringMethod]: () => describeCase(each) }));
}

/** A workspace in use, whose changes are all committed or all discarded in the end. */
export const plainCase = caseOf(pause);
/** Some changes are committed or discarded in between. */
export const reviewedCase = caseOf([...pause, ...review]);
/** All changes are, several times, over one base. */
export const longCase = caseOf([...pause, ...wholeReview], { mostSteps: 300, mostBases: 1 });
/** Some changes are, and users go on working while a commit runs. */
export const busyCase = caseOf([...pause, ...review, ...busyCommit]);

function describeCase(each: Case): string {
  return `\n${[...describeWorkspace(each, each.steps), `  ${each.ending} all`].join('\n')}\n`;
}
