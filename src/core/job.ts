import type { Progress } from '../protocol/messages';

/**
 * Long work in steps: between two steps the mount answers requests. Each `yield` leaves the engine in a state
 * that users of the mount may see, and may report progress. Ending a job early (`return()`) cancels it cleanly.
 */
export type Job<R> = Generator<Progress | undefined, R, void>;

/** Takes all steps of a job at once. */
export function runToEnd<R>(job: Job<R>): R {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}
