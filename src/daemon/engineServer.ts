import { Engine, type LogLevel } from '../core/engine';
import type { FileSystem } from '../core/filesystem';
import type { Pump } from '../driver/driver';
import { asCowspaceError, toErrorMessage } from '../protocol/errors';
import type { Progress } from '../protocol/messages';
import { ChangeWatcher } from './changeWatcher';
import { type EngineJobs, engineJobs, isShort, startJob } from './engineJobs';
import type { EngineCommand, EngineEvent, EngineOptions } from './engineMessages';
import { InvalidationQueue } from './invalidationQueue';
import { Scheduler, type Task } from './scheduler';

/** Milliseconds between two reports of a task's progress. */
const PROGRESS_INTERVAL = 100;
/** Milliseconds for a last look at the changes, when the mount is gone. */
const FINAL_UPDATE = 500;

/** What the server is surrounded by. */
export interface Surroundings {
  /** Sends to the main thread. */
  readonly post: (event: EngineEvent) => void;
  /** Has {@link EngineServer.step} called soon. */
  readonly wake: () => void;
}

/** The engine, and what the main thread asks of it: on which thread, and when it works, is decided elsewhere. */
export class EngineServer implements Pump {
  readonly #post: Surroundings['post'];
  readonly #invalidations: InvalidationQueue;
  readonly #engine: Engine;
  readonly #jobs: EngineJobs;
  readonly #watcher: ChangeWatcher;
  readonly #scheduler: Scheduler;
  /** What goes on when the kernel has written something back. */
  readonly #writeBacks = new Map<number, () => void>();
  #nextWriteBack = 1;

  /** @throws CowspaceError as {@link Engine.open} */
  constructor({ bases, scratch, deltaThreshold }: EngineOptions, { post, wake }: Surroundings) {
    this.#post = post;
    this.#invalidations = new InvalidationQueue(wake);
    this.#engine = Engine.open({
      bases,
      scratch,
      deltaThreshold: deltaThreshold ?? Infinity,
      invalidator: this.#invalidations,
      log: this.log,
    });
    this.#engine.changes.onPending = wake;
    const tell = (): void => {
      this.#tellChanges();
    };
    this.#jobs = engineJobs(this.#engine, tell);
    this.#watcher = new ChangeWatcher(this.#engine.changes, {
      updated: tell,
      failed: (error) => {
        this.log('error', `Listing the changes failed: ${String(asCowspaceError(error).stack)}`);
      },
    });
    this.#scheduler = new Scheduler(this.#watcher);
  }

  get fs(): FileSystem {
    return this.#engine;
  }

  readonly log = (level: LogLevel, message: string): void => {
    this.#post({ kind: 'log', level, message });
  };

  obey(command: EngineCommand): void {
    switch (command.kind) {
      case 'call':
        if (isShort(command.name)) this.#scheduler.run(this.#task(command));
        else this.#scheduler.add(this.#task(command));
        break;
      case 'cancel':
        this.#scheduler.cancel(command.id);
        break;
      case 'writtenBack':
        this.#writeBacks.get(command.id)?.();
        this.#writeBacks.delete(command.id);
        break;
      case 'watch':
        this.#watcher.on = command.on;
        break;
    }
  }

  step(): number {
    this.#postInvalidations();
    return this.#scheduler.step();
  }

  /** Has the kernel write back what it holds of a file from `offset` on, then calls `done`. */
  readonly writeBack = (nodeId: number, offset: number, done: () => void): void => {
    const id = this.#nextWriteBack++;
    this.#writeBacks.set(id, done);
    this.#post({ kind: 'writeBack', id, nodeId, offset });
  };

  /** Ends all work, and says what the scratch holds. */
  close(): void {
    this.#scheduler.close();
    const storedBytes = this.#finalBytes();
    this.#engine.close();
    this.#post({ kind: 'ended', storedBytes });
  }

  /** What the scratch holds, exactly if that is soon known. */
  #finalBytes(): number {
    const end = performance.now() + FINAL_UPDATE;
    const update = this.#engine.changes.update();
    while (update.next().done !== true && performance.now() < end);
    return this.#engine.storedBytes();
  }

  #task({ id, name, args }: Extract<EngineCommand, { kind: 'call' }>): Task {
    let reportedAt = 0;
    return {
      id,
      job: startJob(this.#jobs, name, args),
      progress: (progress: Progress) => {
        const now = performance.now();
        if (now - reportedAt < PROGRESS_INTERVAL) return;
        reportedAt = now;
        this.#post({ kind: 'progress', id, progress });
      },
      done: (result) => {
        this.#settle();
        this.#post({ kind: 'answer', id, result });
      },
      failed: (error) => {
        this.#settle();
        this.#post({ kind: 'refusal', id, error: toErrorMessage(error) });
      },
    };
  }

  /** Before an answer: what follows from the call, for the kernel and for those who watch. */
  #settle(): void {
    this.#postInvalidations();
    this.#tellChanges();
  }

  #tellChanges(): void {
    const delta = this.#engine.changes.takeDelta();
    if (delta !== null) this.#post({ kind: 'changed', delta });
  }

  #postInvalidations(): void {
    const list = this.#invalidations.take();
    if (list.length > 0) this.#post({ kind: 'invalidate', list });
  }
}
