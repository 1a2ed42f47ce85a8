import type { Engine } from '../core/engine';
import type { IdleWork, Task } from './scheduler';

/** Milliseconds in which changes gather before the list is brought up to date. */
const SHORTEST_DELAY = 100;
/** The same when that takes long: changes are then told later rather than the mount slowed down. */
const LONGEST_DELAY = 1000;

interface Listener {
  /** The list is up to date. */
  updated(): void;
  failed(error: unknown): void;
}

/** Keeps the list of changes up to date while somebody watches it, and else from falling far behind. */
export class ChangeWatcher implements IdleWork {
  /** Whether anybody wants to know. */
  on = false;
  readonly #changes: Engine['changes'];
  readonly #listener: Listener;
  #delay = SHORTEST_DELAY;
  #dueAt: number | undefined;

  constructor(changes: Engine['changes'], listener: Listener) {
    this.#changes = changes;
    this.#listener = listener;
  }

  delay(now: number): number {
    if (!this.#changes.pending || !(this.on || this.#changes.overdue)) return -1;
    this.#dueAt ??= now + this.#delay;
    return Math.max(0, Math.ceil(this.#dueAt - now));
  }

  next(now: number): Task | undefined {
    if (this.delay(now) !== 0) return undefined;
    this.#dueAt = undefined;
    return {
      job: this.#changes.update(),
      done: () => {
        const duration = performance.now() - now;
        this.#delay = Math.min(Math.max(2 * duration, SHORTEST_DELAY), LONGEST_DELAY);
        this.#listener.updated();
      },
      failed: (error) => {
        this.#listener.failed(error);
      },
    };
  }
}
