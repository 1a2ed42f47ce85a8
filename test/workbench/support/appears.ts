import { errors, type Locator } from 'playwright-core';

/** Whether it is on the screen within a time, in milliseconds. */
export function appears(locator: Locator, timeout: number): Promise<boolean> {
  return inTime(locator.waitFor({ state: 'visible', timeout }));
}

/** Whether it is off the screen within a time, in milliseconds. */
export function disappears(locator: Locator, timeout: number): Promise<boolean> {
  return inTime(locator.waitFor({ state: 'hidden', timeout }));
}

/** Whether an action was done before its own timeout, and not at all after it. */
export async function inTime(action: Promise<void>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (error instanceof errors.TimeoutError) return false;
    throw error;
  }
}
