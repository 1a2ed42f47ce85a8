import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Engine, type LogLevel } from '../core/engine';
import { serveEditor } from '../driver/editor/session';
import { KernelSession } from '../driver/kernel/session';
import { asCowspaceError, toErrorMessage } from '../protocol/errors';
import type { Progress } from '../protocol/messages';
import { PollSet } from '../sys/process';
import { ChangeWatcher } from './changeWatcher';
import { type EngineJobs, engineJobs, isShort, startJob } from './engineJobs';
import type { EngineCommand, EngineEvent, EngineThreadData } from './engineMessages';
import { InvalidationQueue } from './invalidationQueue';
import { Scheduler, type Task } from './scheduler';
import { raise, reset } from './wakeup';

/** Milliseconds between two reports of a task's progress. */
const PROGRESS_INTERVAL = 100;
/** Milliseconds for a last look at the changes, when the mount is gone. */
const FINAL_UPDATE = 500;

/** Thrown through the session, whose only end of its own is that of the mount. */
class Stop extends Error {}

/**
 * The engine on a thread of its own: it answers the mount's requests, and between them does what the main thread
 * asks for. It does not return to the event loop before the end, so it fetches its messages itself.
 */
class EngineThread {
  readonly #port: EngineThreadData['port'];
  readonly #wakeFd: number;
  readonly #invalidations: InvalidationQueue;
  readonly #engine: Engine;
  readonly #jobs: EngineJobs;
  readonly #watcher: ChangeWatcher;
  readonly #scheduler: Scheduler;
  /** What goes on when the kernel has written something back. */
  readonly #writeBacks = new Map<number, () => void>();
  #nextWriteBack = 1;

  /** @throws CowspaceError as {@link Engine.open} */
  constructor({ bases, scratch, deltaThreshold, port, wakeFd }: EngineThreadData) {
    this.#port = port;
    this.#wakeFd = wakeFd;
    const wake = (): void => {
      raise(wakeFd);
    };
    this.#invalidations = new InvalidationQueue(wake);
    this.#engine = Engine.open({
      bases,
      scratch,
      deltaThreshold: deltaThreshold ?? Infinity,
      invalidator: this.#invalidations,
      log,
    });
    this.#engine.changes.onPending = wake;
    const tell = (): void => {
      this.#tellChanges();
    };
    this.#jobs = engineJobs(this.#engine, tell);
    this.#watcher = new ChangeWatcher(this.#engine.changes, {
      updated: tell,
      failed: (error) => {
        log('error', `Listing the changes failed: ${String(asCowspaceError(error).stack)}`);
      },
    });
    this.#scheduler = new Scheduler(
      wakeFd,
      () => {
        this.#receive();
      },
      this.#watcher,
    );
  }

  /** Waits for the command to serve, and serves until the mount is gone or a command ends it. */
  run(): void {
    try {
      const fd = this.#awaitMount();
      if (fd === null) return serveEditor(this.#scheduler);
      const session = new KernelSession(fd, this.#engine, {
        log,
        writeBack: (nodeId, offset, done) => {
          this.#writeBack(nodeId, offset, done);
        },
      });
      session.serve(this.#scheduler);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    } finally {
      this.#scheduler.close();
      const storedBytes = this.#finalBytes();
      this.#engine.close();
      post({ kind: 'ended', storedBytes });
    }
  }

  /** What the scratch holds, exactly if that is soon known. */
  #finalBytes(): number {
    const end = performance.now() + FINAL_UPDATE;
    const update = this.#engine.changes.update();
    while (update.next().done !== true && performance.now() < end);
    return this.#engine.storedBytes();
  }

  #awaitMount(): number | null {
    const wakeup = new PollSet([this.#wakeFd]);
    for (;;) {
      wakeup.wait(-1);
      reset(this.#wakeFd);
      const command = this.#nextCommand();
      if (command?.kind === 'serve') return command.fd;
      if (command?.kind === 'stop') throw new Stop();
    }
  }

  #receive(): void {
    reset(this.#wakeFd);
    for (;;) {
      const command = this.#nextCommand();
      if (command === undefined) break;
      this.#obey(command);
    }
    this.#postInvalidations();
  }

  #nextCommand(): EngineCommand | undefined {
    const received = receiveMessageOnPort(this.#port) as { message: EngineCommand } | undefined;
    return received?.message;
  }

  #obey(command: EngineCommand): void {
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
      case 'stop':
        throw new Stop();
      case 'serve':
        throw new Error('The thread serves a mount already.');
    }
  }

  #writeBack(nodeId: number, offset: number, done: () => void): void {
    const id = this.#nextWriteBack++;
    this.#writeBacks.set(id, done);
    post({ kind: 'writeBack', id, nodeId, offset });
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
        post({ kind: 'progress', id, progress });
      },
      done: (result) => {
        this.#settle();
        post({ kind: 'answer', id, result });
      },
      failed: (error) => {
        this.#settle();
        post({ kind: 'refusal', id, error: toErrorMessage(error) });
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
    if (delta !== null) post({ kind: 'changed', delta });
  }

  #postInvalidations(): void {
    const list = this.#invalidations.take();
    if (list.length > 0) post({ kind: 'invalidate', list });
  }
}

function post(event: EngineEvent): void {
  parentPort!.postMessage(event);
}

function log(level: LogLevel, message: string): void {
  post({ kind: 'log', level, message });
}

function main(): void {
  let thread: EngineThread;
  try {
    thread = new EngineThread(workerData as EngineThreadData);
  } catch (error) {
    post({ kind: 'failed', error: toErrorMessage(error) });
    return;
  }
  post({ kind: 'opened' });
  thread.run();
}

main();
