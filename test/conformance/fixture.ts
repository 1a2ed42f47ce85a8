import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Union } from '../../bench/peer';
import { Sandbox } from '../support/sandbox';
import { closeLeftOpen } from './calls';
import { deviationOf } from './deviations';
import { changeAll } from './merge';
import type { Outcome } from './outcomes';
import { makePlaces, parseTarget, targets } from './targets';

/**
 * Where the objects of a test are: in the base only, in the scratch only, or in the base and changed through the
 * mount. On a plain directory there is no difference.
 */
export type Origin = 'base-only' | 'scratch-only' | 'merged';
export const origins: readonly Origin[] = ['base-only', 'scratch-only', 'merged'];

/** The directory of one or several tests. Its paths are there when tests run, and not yet when they are declared. */
export interface Subject {
  readonly origin: Origin;
  /** Its name in the root of the mount. */
  readonly name: string;
  /** The absolute path of a name in the subject's directory. */
  path(...names: string[]): string;
}

interface Preparation {
  readonly name: string;
  readonly origin: Origin;
  readonly prepare: (directory: string) => void;
}

/** Which file system is tested. */
export const targetName = parseTarget(process.env['COWSPACE_CONFORMANCE_TARGET'] ?? 'cowspace');
export const isRoot = process.getuid?.() === 0;

const preparations: Preparation[] = [];
const outcomes: Outcome[] = [];
/** By subject, what went wrong when it was prepared: its tests fail with that, and others run. */
const unprepared = new Map<string, Error>();
let sandbox: Sandbox | undefined;
let mountPoint = '';
let scratch = '';
let union: Union | undefined;

/** Declares tests with a directory of their own for each origin of what `prepare` makes in it. */
export function subjects(prepare: (directory: string) => void, declare: (subject: Subject) => void): void {
  for (const origin of origins) {
    describe(origin, () => {
      declare(subject(origin, prepare));
    });
  }
}

/** A directory with what `prepare` makes in it. Call it while tests are declared. */
export function subject(origin: Origin, prepare: (directory: string) => void = () => undefined): Subject {
  const name = `subject-${preparations.length}`;
  preparations.push({ name, origin, prepare });
  return {
    origin,
    name,
    path(...names) {
      const error = unprepared.get(name);
      if (error !== undefined) throw error;
      return join(mountPoint, name, ...names);
    },
  };
}

/** Where a union keeps what was changed in a subject; undefined for a plain directory. */
export function scratchOf({ name }: Subject): string | undefined {
  return targetName === 'ext4' ? undefined : join(scratch, 'upper', name);
}

/**
 * Declares a test. One that a deviation speaks of must fail on cowspace, and counts as skipped then.
 * @param needs `root`: skipped for other users, who can neither change owners nor act for someone else
 */
export function conforms(title: string, test: () => void | Promise<void>, needs?: 'root'): void {
  it(title, async function () {
    const name = this.test!.fullTitle();
    const record = (outcome: Outcome['outcome']): void => {
      outcomes.push({ area: this.test!.titlePath()[0]!, name, outcome });
    };
    if (needs === 'root' && !isRoot) {
      record('skipped');
      this.skip();
    }
    const deviation = targetName === 'cowspace' ? deviationOf(name) : undefined;
    try {
      await test();
    } catch (error) {
      record('failed');
      if (deviation === undefined) throw error;
      console.log(`      deviation: ${deviation}`);
      this.skip();
    }
    record('passed');
    if (deviation !== undefined) throw new Error(`no longer a deviation: ${deviation}`);
  });
}

/** Unmounts and mounts again; nothing may be open. */
export async function remount(): Promise<void> {
  await union!.unmount();
  await union!.mount();
}

before('make the base, mount, and change what is to be merged', async function () {
  this.timeout(120_000);
  sandbox = new Sandbox();
  // Other users have to get in.
  chmodSync(sandbox.root, 0o755);
  process.umask(0o022);
  const places = makePlaces(sandbox.root, sandbox.cowspace.home);
  ({ scratch } = places);
  const base = targets[targetName].baseOf(places);
  for (const preparation of preparations) {
    if (preparation.origin !== 'scratch-only') prepareIn(base, preparation);
  }
  union = targets[targetName].union(places);
  await union.mount();
  mountPoint = places.mount;
  for (const preparation of preparations) {
    if (preparation.origin === 'scratch-only') prepareIn(mountPoint, preparation);
    if (preparation.origin === 'merged') mergeIn(mountPoint, preparation);
  }
  // So that nothing is in any cache.
  await remount();
});

afterEach('close what a test left open', closeLeftOpen);

after('remove everything', async function () {
  this.timeout(120_000);
  const file = process.env['COWSPACE_CONFORMANCE_OUTCOMES'];
  if (file !== undefined) writeFileSync(file, JSON.stringify(outcomes));
  await sandbox?.dispose();
});

function prepareIn(directory: string, { name, prepare }: Preparation): void {
  attempt(name, () => {
    mkdirSync(join(directory, name));
    prepare(join(directory, name));
  });
}

function mergeIn(directory: string, { name }: Preparation): void {
  attempt(name, () => changeAll(join(directory, name)));
}

function attempt(name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    unprepared.set(name, error as Error);
  }
}
