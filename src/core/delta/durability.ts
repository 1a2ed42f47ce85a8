import { readFileSync } from 'node:fs';
import { fdatasync, fsync } from '../../sys/file';

/** What a block delta relies on to outlive a power loss. */
export interface Durability {
  /** Id of the machine's running boot: what was written in it and not synced is still there. */
  readonly boot: string;
  /** As `fdatasync(2)`; 0 or a negative errno. */
  readonly fdatasync: (fd: number) => number;
  /** As `fsync(2)`; 0 or a negative errno. */
  readonly fsync: (fd: number) => number;
}

/** As this machine has it. */
export function machineDurability(): Durability {
  return { boot: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), fdatasync, fsync };
}
