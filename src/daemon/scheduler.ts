import type { Job } from '../core/job';
import type { Pump } from '../driver/driver';
import { CowspaceError } from '../protocol/errors';
import type { Progress } from '../protocol/messages';

/** Milliseconds that tasks may take before the mount's requests have their turn again. */
const SLICE = 4;

/** A job with who waits for it. */
export interface Task {
  /** For {@link Scheduler.cancel}; absent: cannot be cancelled. */
  readonly id?: number;
  readonly job: Job<unknown>;
  progress?(progress: Progress): void;
  done(result: unknown): void;
  failed(error: unknown): void;
}

/** Finds something to do when nobody asked for anything. Times are `performance.now()`. */
export interface IdleWork {
  /** What is due now. */
  next(now: number): Task | undefined;
  /** Milliseconds until something may be due; -1: when there is a reason, {@link Scheduler.step} is called. */
  delay(now: number): number;
}

/** Runs tasks one after the other, in slices between the requests of the mount. */
export class Scheduler implements Pump {
  readonly #idle: IdleWork;
  readonly #queue: Task[] = [];
  #current: Task | undefined;

  constructor(idle: IdleWork) {
    this.#idle = idle;
  }

  /** Puts a task behind all others. */
  add(task: Task): void {
    this.#queue.push(task);
  }

  /** Does a task as a whole, at once. For short ones that, as requests of the mount, may come between the steps of others. */
  run(task: Task): void {
    while (!advance(task));
  }

  /** Ends a task, begun or not; it fails with `cancelled`. Ids of tasks that are done are ignored. */
  cancel(id: number): void {
    if (this.#current?.id === id) {
      abandon(this.#current);
      this.#current = undefined;
      return;
    }
    const index = this.#queue.findIndex((task) => task.id === id);
    if (index >= 0) abandon(this.#queue.splice(index, 1)[0]!);
  }

  /** Ends all tasks. */
  close(): void {
    if (this.#current !== undefined) abandon(this.#current);
    this.#queue.forEach(abandon);
  }

  step(): number {
    const end = performance.now() + SLICE;
    for (;;) {
      const now = performance.now();
      if (now >= end) return 0;
      this.#current ??= this.#queue.shift() ?? this.#idle.next(now);
      if (this.#current === undefined) return this.#idle.delay(now);
      if (advance(this.#current)) this.#current = undefined;
    }
  }
}

/** Takes a task one step further; returns whether it has ended. */
function advance(task: Task): boolean {
  try {
    const step = task.job.next();
    if (step.done === true) task.done(step.value);
    else if (step.value !== undefined) task.progress?.(step.value);
    return step.done === true;
  } catch (error) {
    task.failed(error);
    return true;
  }
}

function abandon(task: Task): void {
  try {
    task.job.return(undefined);
    task.failed(new CowspaceError('cancelled', 'Cancelled.'));
  } catch (error) {
    task.failed(error);
  }
}
