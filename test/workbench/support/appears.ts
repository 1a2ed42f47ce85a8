import { errors, type Locator } from 'playwright-core';

/** Whether it is on the screen within a time, in milliseconds. */
export function appears(locator: Locator, timeout: number): Promise<boolean> {
  return becomes(locator, 'visible', timeout);
}

/** Whether it is off the screen within a time, in milliseconds. */
export function disappears(locator: Locator, timeout: number): Promise<boolean> {
  return becomes(locator, 'hidden', timeout);
}

async function becomes(locator: Locator, state: 'visible' | 'hidden', timeout: number): Promise<boolean> {
  try {
    await locator.waitFor({ state, timeout });
    return true;
  } catch (error) {
    if (error instanceof errors.TimeoutError) return false;
    throw error;
  }
}
