import { availableParallelism } from 'node:os';
import { AT_FDCWD, O_RDONLY, openAt, pread } from '../../sys/file';

/** Milliseconds to look out for the next request. */
const LOOKOUT = 0.05;

/** Milliseconds between two looks at how many programs want a processor. */
const CHECK = 20;

/**
 * Says how long the session looks out for the next request before it sleeps. Falling asleep and being woken costs
 * more than most requests, so with a program that makes one after the other looking out doubles their rate. It is a
 * waste when requests come rarely, and when there are more programs than processors it takes time from the very
 * program that is to make the next request.
 */
export class Lookout {
  readonly #processors = availableParallelism();
  /** Opened once, so that it is there when the process has run out of descriptors. */
  readonly #load = openAt(AT_FDCWD, '/proc/loadavg', O_RDONLY);
  #crowded = false;
  #checkAt = 0;

  /** @param pause milliseconds from the last answer to the next request; returns milliseconds */
  after(pause: number): number {
    // Waking up is part of the pause.
    if (pause >= 2 * LOOKOUT) return 0;
    const now = performance.now();
    if (now >= this.#checkAt) {
      this.#checkAt = now + CHECK;
      this.#crowded = runningThreads(this.#load) > this.#processors;
    }
    return this.#crowded ? 0 : LOOKOUT;
  }
}

/** How many threads of the machine run or wait for a processor, this one included. */
function runningThreads(load: number): number {
  const length = pread(load, line, line.length, 0);
  const [, , , running] = line.toString('latin1', 0, Math.max(length, 0)).split(' ');
  return Number.parseInt(running ?? '', 10);
}

const line = Buffer.alloc(128);
