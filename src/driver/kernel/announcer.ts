import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Invalidation } from '../driver';

/** Milliseconds for the announcer to do a task before one goes on without it: its start, and each entry. */
const PATIENCE = 10_000;
const PATIENCE_PER_ENTRY = 1;

export type EntryInvalidation = Extract<Invalidation, { kind: 'entry' }>;

/** What the announcer's process is told to do. */
export type AnnouncerTask =
  /** `mountPoint` is text. */
  | {
      readonly kind: 'announce';
      readonly mountPoint: string;
      readonly entries: readonly EntryInvalidation[];
    }
  | { readonly kind: 'revisit' };

/**
 * Makes watchers of the mount notice entries that came, went or were replaced without a program's doing: see
 * Staging. The work is done by a process of its own, as one that serves a mount must never wait for it.
 */
export class Announcer {
  readonly #mountPoint: string;
  #process: ChildProcess | undefined;

  constructor(mountPoint: string) {
    this.#mountPoint = mountPoint;
  }

  /**
   * Runs `forget`, which makes the kernel forget these entries, with the watchers being told. Resolves when all is
   * done or, as for the watchers, cannot be. To be called one at a time.
   */
  async around(entries: readonly EntryInvalidation[], forget: () => Promise<void>): Promise<void> {
    // Before, as the kernel sends no event for what it does not know.
    await this.#do({ kind: 'announce', mountPoint: this.#mountPoint, entries }, entries.length);
    await forget();
    // A directory that is forgotten while programs work in it has no path for them (getcwd fails) until it is found
    // again.
    await this.#do({ kind: 'revisit' }, entries.length);
  }

  /** Lets go of the mount. */
  stop(): void {
    this.#process?.disconnect();
    this.#process = undefined;
  }

  #do(task: AnnouncerTask, entries: number): Promise<void> {
    const child = (this.#process ??= this.#start());
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => child.kill('SIGKILL'), PATIENCE + PATIENCE_PER_ENTRY * entries);
      const finish = (): void => {
        clearTimeout(giveUp);
        child.off('message', finish).off('exit', finish).off('error', finish);
        resolve();
      };
      child.on('message', finish).on('exit', finish).on('error', finish);
      child.send(task, () => undefined);
    });
  }

  #start(): ChildProcess {
    const child = fork(join(__dirname, 'announcer.js'), { stdio: 'ignore' });
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
    });
    // Without it nobody is told, which is no reason to fail.
    child.on('error', () => undefined);
    return child;
  }
}
