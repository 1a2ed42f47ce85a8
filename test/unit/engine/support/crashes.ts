import * as fc from 'fast-check';
import { CowspaceError } from '../../../../src/protocol/errors';
import { FsError } from '../../../../src/sys/errno';
import { imageOfPlan, plannedBase, type Planned } from './baseTree';
import { callsMade, Crash, crashAfter, restart } from './crashableLibc';
import { assertSame, describeImage, type Image, type Leniency, plant, readImage } from './image';
import { MountTree } from './mountTree';
import { fileOperation, type FileOperation, perform } from './operations';
import { EngineSandbox, withDisk } from './sandbox';

/** What a workspace is like when something that is done to it is interrupted. */
export interface CrashCase {
  readonly bases: readonly (readonly Planned[])[];
  readonly deltaThreshold: number;
  readonly whiteouts: 'device' | 'xattr';
  readonly steps: readonly FileOperation[];
}

/** Handles do not outlive a crash. */
const lasting = fileOperation.filter((each) => each.op !== 'open' && !JSON.stringify(each).includes('"@'));

/** What is one system call to users. */
export const singleOperation = lasting.filter((each) => each.op !== 'removeAll');

/**
 * Whether users of such a workspace can only see an operation done or not done. Not so a rename without whiteout
 * devices, where the base's entry may show under both names, nor bytes that go to several blocks.
 */
export function isAtomic({ whiteouts, deltaThreshold }: CrashCase, { op }: FileOperation): boolean {
  if (op === 'rename') return whiteouts === 'device';
  return deltaThreshold === Infinity || !['write', 'append', 'fallocate', 'copyRange'].includes(op);
}

export const crashCase: fc.Arbitrary<CrashCase> = fc
  .record({
    bases: fc.array(plannedBase, { minLength: 1, maxLength: 2 }),
    deltaThreshold: fc.constantFrom(Infinity, 5000),
    whiteouts: fc.constantFrom('device' as const, 'xattr' as const),
    steps: fc.array(lasting, { minLength: 1, maxLength: 8, size: 'max' }),
  })
  .map((each) => Object.assign(each, { [fc.toStringMethod]: () => describeCase(each) }));

/** What is interrupted, and what must be so after it. */
interface Interrupted {
  act(sandbox: EngineSandbox): void;
  check(sandbox: EngineSandbox, before: Image, after: Image): void;
}

/** Link counts and times of directories are not part of what a crash must leave. */
const lenient: Leniency = { links: true, directoryTimes: true };

/** An operation of a user: afterwards it was done, or not. The time of a change may be missing. */
export function interruptedOperation(each: FileOperation): Interrupted {
  const leniency = { ...lenient, times: each.op !== 'utimes' };
  return {
    act: (sandbox) => attempt(() => perform(each, sandbox.mount)),
    check(sandbox, before, after) {
      const view = viewOf(sandbox);
      const found = describeImage(view, leniency).join('\n');
      if (found === describeImage(before, leniency).join('\n')) return;
      assertSame('the mount, neither as before nor', view, after, leniency);
    },
  };
}

/** A commit: nobody notices, and another does the rest. */
export const interruptedCommit: Interrupted = {
  act: (sandbox) => sandbox.run(sandbox.engine.commit({})),
  check(sandbox, before) {
    assertSame('the mount after a commit was interrupted', viewOf(sandbox), before, lenient);
    sandbox.run(sandbox.engine.commit({}));
    assertSame('the base', names(sandbox.baseImage()), names(before), { links: true, times: true });
    assertSame('the mount', viewOf(sandbox), before, { links: true, times: true });
    expectNoChanges(sandbox);
  },
};

/** A discard: all that it put aside can be brought back, unless what it did not come to is in the way. */
export const interruptedDiscard: Interrupted = {
  act: (sandbox) => sandbox.run(sandbox.engine.discard({})),
  check(sandbox, before, after) {
    const interrupted = viewOf(sandbox);
    const expected = undo(sandbox) === 'exists' ? interrupted : before;
    assertSame('the mount after the undo', viewOf(sandbox), expected, lenient);
    sandbox.run(sandbox.engine.discard({}));
    assertSame('the mount after a second discard', viewOf(sandbox), after, { links: true, times: true });
    expectNoChanges(sandbox);
  },
};

/** An undo of a discard: another does the rest. */
export const interruptedUndo: Interrupted = {
  act: (sandbox) => void undo(sandbox),
  check(sandbox, _before, after) {
    undo(sandbox);
    assertSame('the mount after the undo', viewOf(sandbox), after, lenient);
  },
};

/** Does what comes before, then what is to be interrupted at each of its system calls in turn. */
export function interruptEverywhere(
  each: CrashCase,
  interrupted: Interrupted,
  prepare: (sandbox: EngineSandbox) => void = () => undefined,
): void {
  const whole = new CrashRun(each, interrupted, prepare);
  const calls = whole.toEnd();
  for (let call = 0; call < calls; call++) new CrashRun(each, interrupted, prepare).until(call, whole.after!);
}

export function discardAll(sandbox: EngineSandbox): void {
  sandbox.run(sandbox.engine.discard({}));
}

class CrashRun {
  readonly #sandbox: EngineSandbox;
  readonly #interrupted: Interrupted;
  readonly #before: Image;
  after: Image | undefined;

  constructor(
    { bases, deltaThreshold, whiteouts, steps }: CrashCase,
    interrupted: Interrupted,
    prepare: (sandbox: EngineSandbox) => void,
  ) {
    this.#interrupted = interrupted;
    this.#sandbox = new EngineSandbox(bases.length, { deltaThreshold });
    if (whiteouts === 'xattr') this.#sandbox.presetXattrWhiteouts();
    bases.forEach((plan, i) => {
      withDisk(this.#sandbox.bases[i]!, (tree) => plant(imageOfPlan(plan), tree));
    });
    for (const step of steps) attempt(() => perform(step, this.#sandbox.mount));
    prepare(this.#sandbox);
    this.#before = viewOf(this.#sandbox);
  }

  /** Returns how many system calls change something. */
  toEnd(): number {
    try {
      crashAfter(Infinity);
      this.#interrupted.act(this.#sandbox);
      const calls = callsMade();
      this.after = viewOf(this.#sandbox);
      return calls;
    } finally {
      this.#sandbox.dispose();
    }
  }

  until(call: number, after: Image): void {
    try {
      crashAfter(call);
      try {
        this.#interrupted.act(this.#sandbox);
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      restart();
      this.#sandbox.abandon();
      this.#interrupted.check(this.#sandbox, this.#before, after);
    } catch (error) {
      throw new Error(
        `crash before system call ${call + 1}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
        { cause: error },
      );
    } finally {
      restart();
      this.#sandbox.abandon();
      this.#sandbox.dispose();
    }
  }
}

/** Undoes the last discard; returns why not. */
function undo(sandbox: EngineSandbox): string | undefined {
  try {
    sandbox.run(sandbox.engine.undoDiscard());
    return undefined;
  } catch (error) {
    if (error instanceof CowspaceError) return error.code;
    throw error;
  }
}

function attempt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
  }
}

function expectNoChanges(sandbox: EngineSandbox): void {
  sandbox.run(sandbox.engine.changes.update());
  const { changes } = sandbox.engine.changes.list();
  if (changes.length > 0) throw new Error(`left over: ${JSON.stringify(changes)}`);
}

/** What somebody sees who looks for the first time. */
function viewOf(sandbox: EngineSandbox): Image {
  const mount = new MountTree(sandbox.engine);
  try {
    return readImage(mount);
  } finally {
    mount.dropCaches();
  }
}

/** An image in which each name is a file of its own. */
function names(image: Image): Image {
  return new Map([...image].map(([path, entry]) => [path, { ...entry, identity: path }]));
}

function describeCase({ bases, deltaThreshold, whiteouts, steps }: CrashCase): string {
  const lines = [`by block from ${deltaThreshold} bytes on, ${whiteouts} whiteouts`];
  bases.forEach((plan, i) => {
    lines.push(`base ${i + 1}:`);
    for (const line of describeImage(imageOfPlan(plan))) lines.push(`  ${line}`);
  });
  lines.push('steps:');
  for (const { op, ...details } of steps) lines.push(`  ${op} ${JSON.stringify(details)}`);
  return `\n${lines.join('\n')}\n`;
}
