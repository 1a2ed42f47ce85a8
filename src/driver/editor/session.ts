import { PollSet } from '../../sys/process';
import type { Pump } from '../driver';

/**
 * Lets the pump work whenever it wants to; there is no mount to serve. Only what the pump throws ends it.
 *
 * @param wakeFd as for a mount's session
 */
export function serveEditor(pump: Pump, wakeFd: number): never {
  const wakeup = new PollSet([wakeFd]);
  for (;;) wakeup.wait(pump.step());
}
