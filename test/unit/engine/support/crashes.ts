import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { CowspaceError } from '../../../../src/protocol/errors';
import { FsError } from '../../../../src/sys/errno';
import { S_IFIFO, S_IFREG } from '../../../../src/sys/stat';
import type { Planned } from './baseTree';
import { callsMade, crashAfter, hasCrashed, restart } from './crashableLibc';
import { assertSame, describeImage, type Image, type Leniency } from './image';
import { fileOperation, type FileOperation, perform } from './operations';
import type { EngineSandbox } from './sandbox';
import { describeWorkspace, makeWorkspace, type WorkspacePlan, workspacePlan } from './workspacePlan';

/** What a workspace is like when something that is done to it is interrupted. */
export interface CrashCase extends WorkspacePlan {
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
    ...workspacePlan(2),
    steps: fc.array(lasting, { minLength: 1, maxLength: 8, size: 'max' }),
  })
  .map((each) =>
    Object.assign(each, {
      [fc.toStringMethod]: () => `\n${describeWorkspace(each, each.steps).join('\n')}\n`,
    }),
  );

const planned: Omit<Planned, 'path' | 'kind' | 'mode'> = {
  fill: 'x',
  size: 1,
  hole: 0,
  uid: 0,
  special: { type: S_IFIFO, rdev: 0 },
  target: '',
  xattrs: {},
  mtime: 1_000_000_000,
  mtimeNsec: 0,
};

function file(path: string, facts: Partial<Planned> = {}): Planned {
  return { ...planned, path, kind: 'file', mode: 0o644, ...facts };
}

/** What a base has, and what users do. */
function caseOf(base: Planned[], steps: FileOperation[], deltaThreshold = Infinity): CrashCase {
  return { bases: [base], deltaThreshold, whiteouts: 'device', steps };
}

function linkTo(target: string, path: string): Planned {
  return file(path, { kind: 'link', target });
}

/** A program whose set-id bit a change of its owner would take away gets another name. */
export const renamedSetIdProgram = caseOf(
  [file('a', { mode: 0o4755 })],
  [{ op: 'rename', from: 'a', to: 'b', flags: 0 }],
);

/** What is renamed goes into a directory that was deleted and made anew. */
export const renamedIntoRemade = caseOf(
  [file('a/hidden'), file('b/file'), file('c')],
  [
    { op: 'removeAll', path: 'a' },
    { op: 'mkdir', path: 'a', mode: 0o755 },
    { op: 'rename', from: 'b', to: 'a/b', flags: 0 },
    { op: 'rename', from: 'c', to: 'a/c', flags: 0 },
  ],
);

/** A file with two names is changed under one. */
export const changedLink = caseOf([file('a'), linkTo('a', 'b')], [{ op: 'chmod', path: 'a', mode: 0o600 }]);

/** As before, by the name that its base lists last; the other is known to users too. */
export const changedSecondLink = caseOf(
  [file('a'), linkTo('a', 'c')],
  [
    { op: 'chmod', path: 'c', mode: 0o755 },
    { op: 'rmdir', path: 'a' },
  ],
);

/** A file of which the scratch has no bytes yet, only its metadata. */
export const metadataCopy = caseOf([file('a', { size: 4095 })], [{ op: 'chmod', path: 'a', mode: 0o600 }]);

/** So much is written to a file that is kept by block that a commit writes all of it. */
export const grownLargeFile = caseOf(
  [file('a', { size: 5000, hole: 4096 })],
  [{ op: 'append', path: 'a', fill: 'x', length: 8193 }],
  5000,
);

/** A directory was renamed, and a file in it has one more name elsewhere, when the commit ends. */
export const linkedOutOfRenamed = caseOf(
  [file('d/file')],
  [
    { op: 'rename', from: 'd', to: 'b', flags: 0 },
    { op: 'link', from: 'b/file', to: 'a' },
  ],
);

/** A directory was renamed, and came back to its place in another that was renamed meanwhile. */
export const returnedIntoRenamed = caseOf(
  [file('a/b/file')],
  [
    { op: 'rename', from: 'a/b', to: 'c', flags: 0 },
    { op: 'rename', from: 'a', to: 'd', flags: 0 },
    { op: 'rename', from: 'c', to: 'd/b', flags: 0 },
  ],
);

/** A directory was renamed, and something in it deleted. */
export const deletedInRenamed = caseOf(
  [file('b/deleted'), file('b/file')],
  [
    { op: 'rename', from: 'b', to: 'a', flags: 0 },
    { op: 'unlink', path: 'a/deleted' },
  ],
);

const writeA = { op: 'write', path: 'a', offset: 0, fill: 'y', length: 1 } as const;
const makeA = { op: 'mknod', path: 'a', mode: S_IFREG | 0o644, rdev: 0 } as const;

/** A file was renamed and written to, and another that follows it in a commit renamed. */
export const changedAndRenamed = caseOf(
  [file('c'), file('d')],
  [{ op: 'rename', from: 'c', to: 'a', flags: 0 }, writeA, { op: 'rename', from: 'd', to: 'b', flags: 0 }],
);

/** A file that is new in the scratch gets a second name. */
export const linkedFile = caseOf([file('a')], [writeA, { op: 'link', from: 'a', to: 'b' }]);

/** The same, by a name that a commit comes to first. */
export const linkedBefore = caseOf(
  [file('b')],
  [
    { op: 'append', path: 'b', fill: 'y', length: 1 },
    { op: 'link', from: 'b', to: 'a' },
  ],
);

const withTwoNames = [file('a'), linkTo('a', 'b')];
const symlinkWithTwoNames = [file('a', { kind: 'symlink', target: 'x' }), linkTo('a', 'b')];
const renameB = { op: 'rename', from: 'b', to: 'c', flags: 0 } as const;

/** One of two names is another now, of a file that did not change, ones that did, and a symbolic link. */
export const renamedName = caseOf(withTwoNames, [renameB]);
export const renamedNameOfChanged = caseOf(withTwoNames, [renameB, writeA]);
export const renamedFirstNameOfChanged = caseOf(
  [file('b'), linkTo('b', 'c')],
  [{ op: 'rename', from: 'c', to: 'a', flags: 0 }, writeA],
);
export const renamedNameOfSymlink = caseOf(symlinkWithTwoNames, [renameB]);

/** A new name is made of one that shows what was changed under another, which is gone. */
export const newNameOfChanged = caseOf(
  [file('a'), linkTo('a', 'b'), linkTo('a', 'c')],
  [writeA, { op: 'unlink', path: 'a' }, { op: 'link', from: 'b', to: 'd' }],
);

/** The same of a file that is kept by block. */
export const newNameOfLarge: CrashCase = { ...newNameOfChanged, deltaThreshold: 1 };

/** All names of a file are deleted. */
export const allNamesDeleted = caseOf(withTwoNames, [
  { op: 'unlink', path: 'a' },
  { op: 'unlink', path: 'b' },
]);

/** A file and a symbolic link are new. */
export const newFile = caseOf([], [makeA, writeA, { op: 'symlink', path: 'b', target: 'a' }]);

/** A new file with two names takes the place of another with the second. */
export const newLinks = caseOf(
  [file('b')],
  [{ op: 'unlink', path: 'b' }, makeA, writeA, { op: 'link', from: 'a', to: 'b' }],
);

/** What is interrupted, and what must be so after it. */
interface Interrupted {
  act(sandbox: EngineSandbox): void;
  check(sandbox: EngineSandbox, before: Image, after: Image): void;
}

function commitAll(sandbox: EngineSandbox): void {
  sandbox.run(sandbox.engine.commit({}));
}

/** Link counts and times of directories are not part of what a crash must leave. */
const lenient: Leniency = { links: true, directoryTimes: true };

/** An operation of a user: afterwards it was done, or not. The time of a change may be missing. */
export function interruptedOperation(each: FileOperation): Interrupted {
  const leniency = { ...lenient, times: each.op !== 'utimes' };
  return {
    act: (sandbox) => attempt(() => perform(each, sandbox.mount)),
    check(sandbox, before, after) {
      const view = sandbox.coldView();
      const found = describeImage(view, leniency).join('\n');
      if (found === describeImage(before, leniency).join('\n')) return;
      assertSame('the mount, neither as before nor', view, after, leniency);
    },
  };
}

/** A commit: nobody notices, and another does the rest. */
export const interruptedCommit: Interrupted = {
  act: commitAll,
  check(sandbox, before) {
    assertSame('the mount after a commit was interrupted', sandbox.coldView(), before, lenient);
    commitAll(sandbox);
    assertSame('the base', names(sandbox.baseImage()), names(before), { links: true, times: true });
    assertSame('the mount', sandbox.coldView(), before, { links: true, times: true });
    expectNoChanges(sandbox);
  },
};

/** The same, when the kernel's clock of files has gone on since the changes. */
export const interruptedCommitLater: Interrupted = {
  ...interruptedCommit,
  act(sandbox) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    commitAll(sandbox);
  },
};

/** A commit: the names of a file stay those of one, and are counted as such. */
export const interruptedCommitOfNames: Interrupted = {
  act: commitAll,
  check(sandbox, before) {
    sandbox.run(sandbox.engine.changes.update());
    assertSame('the mount after a commit was interrupted', sandbox.coldView(), before, {
      directoryTimes: true,
    });
    commitAll(sandbox);
    assertSame('the base', sandbox.baseImage(), before, { directoryTimes: true });
    assertSame('the mount', sandbox.coldView(), before, { directoryTimes: true });
    expectNoChanges(sandbox);
  },
};

/** A commit: what it wrote is only the base's from then on, which others can change. */
export const interruptedCommitBeforeOthers: Interrupted = {
  act: commitAll,
  check(sandbox) {
    const { mount } = sandbox;
    sandbox.run(sandbox.engine.changes.update());
    if (sandbox.engine.changes.get('a') !== undefined) return;
    writeFileSync(join(sandbox.bases[0]!, 'a'), 'theirs');
    const shown = mount.read('a').toString();
    if (shown !== 'theirs') throw new Error(`shown is ${shown}`);
  },
};

/** A commit: what it wrote can be linked and changed, before and after another ends it. */
export const interruptedCommitOfNewFile: Interrupted = {
  act: commitAll,
  check(sandbox) {
    for (const name of ['c', 'd']) {
      sandbox.mount.link('a', name);
      sandbox.mount.write('a', 0, Buffer.from(name));
      commitAll(sandbox);
      assertSame('the base', sandbox.baseImage(), sandbox.coldView());
      expectNoChanges(sandbox);
    }
  },
};

/** A commit that another ends: the names of a file that it wrote stay those of one file. */
export const interruptedCommitOfLinks: Interrupted = {
  act: commitAll,
  check(sandbox) {
    commitAll(sandbox);
    for (const name of ['a', 'b']) {
      sandbox.mount.unlink(name);
      sandbox.run(sandbox.engine.discard({}));
      assertSame(`the mount after ${name} came back`, sandbox.coldView(), sandbox.baseImage());
      sandbox.mount.write(name, 0, Buffer.from(name));
      const contents = ['a', 'b'].map((each) => sandbox.mount.read(each).toString());
      if (contents.some((each) => each !== name)) throw new Error(`two files: ${contents.join(', ')}`);
      sandbox.run(sandbox.engine.discard({}));
    }
  },
};

/** A discard: all that it put aside can be brought back, unless what it did not come to is in the way. */
export const interruptedDiscard: Interrupted = {
  act: (sandbox) => sandbox.run(sandbox.engine.discard({})),
  check(sandbox, before, after) {
    const interrupted = sandbox.coldView();
    const expected = undo(sandbox) === 'exists' ? interrupted : before;
    assertSame('the mount after the undo', sandbox.coldView(), expected, lenient);
    sandbox.run(sandbox.engine.discard({}));
    assertSame('the mount after a second discard', sandbox.coldView(), after, { links: true, times: true });
    expectNoChanges(sandbox);
  },
};

/** An undo of a discard: another does the rest. */
export const interruptedUndo: Interrupted = {
  act: (sandbox) => void undo(sandbox),
  check(sandbox, _before, after) {
    undo(sandbox);
    assertSame('the mount after the undo', sandbox.coldView(), after, lenient);
  },
};

/** Does what comes before, then what is to be interrupted at each of its system calls in turn. */
export function interruptEverywhere(
  each: CrashCase,
  interrupted: Interrupted,
  prepare: (sandbox: EngineSandbox) => void = () => undefined,
): void {
  const { calls, after } = new CrashRun(each, interrupted, prepare).toEnd();
  for (let call = 0; call < calls; call++) new CrashRun(each, interrupted, prepare).until(call, after);
}

export function discardAll(sandbox: EngineSandbox): void {
  sandbox.run(sandbox.engine.discard({}));
}

class CrashRun {
  readonly #sandbox: EngineSandbox;
  readonly #interrupted: Interrupted;
  readonly #before: Image;

  constructor(each: CrashCase, interrupted: Interrupted, prepare: (sandbox: EngineSandbox) => void) {
    this.#interrupted = interrupted;
    this.#sandbox = makeWorkspace(each);
    for (const step of each.steps) attempt(() => perform(step, this.#sandbox.mount));
    prepare(this.#sandbox);
    this.#before = this.#sandbox.coldView();
  }

  /** Returns how many system calls change something, and what users see after them. */
  toEnd(): { calls: number; after: Image } {
    try {
      crashAfter(Infinity);
      this.#interrupted.act(this.#sandbox);
      return { calls: callsMade(), after: this.#sandbox.coldView() };
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
        if (!hasCrashed()) throw error;
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

/** An image in which each name is a file of its own. */
function names(image: Image): Image {
  return new Map([...image].map(([path, entry]) => [path, { ...entry, identity: path }]));
}
