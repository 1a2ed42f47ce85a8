import { E } from '../../sys/errno';
import { attributeHandlers } from './attributes';
import { connectionHandlers } from './connection';
import { dataHandlers } from './data';
import { directoryHandlers } from './directory';
import type { Handler } from './exchange';
import { namespaceHandlers } from './namespace';
import { Opcode } from './protocol';
import { xattrHandlers } from './xattr';

/**
 * By opcode. Those left out get ENOSYS, upon which the kernel never sends them again and does the work itself:
 * after OPEN, OPENDIR, FLUSH, opening and closing cost no round trip; after CREATE it sends MKNOD; ACCESS it decides
 * by mode (`default_permissions`), STATX by GETATTR, locks and POLL locally.
 */
export const handlers: readonly (Handler | undefined)[] = byOpcode([
  ...connectionHandlers,
  ...namespaceHandlers,
  ...directoryHandlers,
  ...attributeHandlers,
  ...dataHandlers,
  ...xattrHandlers,
  // Sent for files that TMPFILE opened, until the kernel knows that opens are of no interest.
  [Opcode.RELEASE, () => 0],
  // Not ENOSYS: that would reach the caller.
  [Opcode.IOCTL, () => -E.ENOTTY],
]);

function byOpcode(entries: readonly (readonly [number, Handler])[]): (Handler | undefined)[] {
  const table = new Array<Handler | undefined>(Math.max(...Object.values(Opcode)) + 1).fill(undefined);
  for (const [opcode, handler] of entries) table[opcode] = handler;
  return table;
}
