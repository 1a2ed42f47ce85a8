import { errors, type Locator } from 'playwright-core';

/** Whether it is on the screen within a time, in milliseconds. */
export async function appears(locator: Locator, timeout: number): Promise<boolean> {
  try {
    await locator.waitFor({ timeout });
    return true;
  } catch (error) {
    if (error instanceof errors.TimeoutError) return false;
    throw error;
  }
}
