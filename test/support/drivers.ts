import type { DriverName } from '../../src/protocol/messages';
import { loadBinding } from '../../src/driver/fuse-native/binding';

export type MountDriver = Exclude<DriverName, 'editor'>;

/** The drivers that mount: what they have in common is tested on each. */
export const mountDrivers: readonly MountDriver[] = ['kernel', 'fuse-native'];

/** Skips the running test or suite, with the reason printed, where the machine lacks what a driver needs. */
export function requireDriver(context: Mocha.Context, driver: MountDriver): void {
  const reason = driver === 'fuse-native' ? whyNoFuseNative() : undefined;
  if (reason === undefined) return;
  console.log(`      skipped: ${reason}`);
  context.skip();
}

function whyNoFuseNative(): string | undefined {
  try {
    loadBinding();
    return undefined;
  } catch (error) {
    return String(error);
  }
}
