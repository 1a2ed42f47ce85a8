import { PollSet } from '../../sys/process';
import type { Pump } from '../driver';

/** Lets the pump work whenever it wants to; there is no mount to serve. Only what the pump throws ends it. */
export function serveEditor(pump: Pump): never {
  const wakeup = new PollSet([pump.wakeFd]);
  for (;;) wakeup.wait(pump.step());
}
