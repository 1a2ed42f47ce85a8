import { close } from '../sys/file';
import { Stat, statFd } from '../sys/stat';
import type { Node } from './node';
import type { Union } from './union';
import { openUpper } from './upperAccess';

/** Whether a node is a copy of a base file that a reflink may have made. */
export function mayShare(u: Union, { record }: Node): boolean {
  if (record === null || record.cover || record.metacopy || record.delta !== null) return false;
  return !u.cannotClone.has(record.origin.layer);
}

const mine = new Stat();

/** Opens what the scratch has of a node that may share blocks with this base file; -1 when it cannot. */
export function openSharing(u: Union, node: Node, base: Stat): number {
  if (!node.upper || !mayShare(u, node)) return -1;
  const fd = openUpper(u, node);
  // Elsewhere, the same place on the device means nothing.
  if (statFd(fd, mine) === 0 && mine.dev === base.dev) return fd;
  close(fd);
  return -1;
}
