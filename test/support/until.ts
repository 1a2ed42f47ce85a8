import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `probe` returns something other than `undefined` or `false`, and returns that.
 * @param what names the awaited condition in the error.
 * @param timeout in milliseconds.
 */
export async function until<T>(
  what: string | (() => string),
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) {
      throw new Error(`not within ${timeout} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await delay(10);
  }
}
