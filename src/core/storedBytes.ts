import { unsharedBytes } from '../sys/extents';
import { close } from '../sys/file';
import { S_IFDIR, type Stat } from '../sys/stat';
import type { Node } from './node';
import type { Union } from './union';
import { mayShare } from './sharing';
import { openUpper } from './upperAccess';

/** Size in bytes from which on it is worth asking which blocks of a file are shared. */
const SHARING_COUNTS = 256 << 10;

/** Bytes that the scratch holds for a node. @param stat its own in the scratch */
export function storedBytes(u: Union, node: Node, stat: Stat): number {
  if (node.type === S_IFDIR) return 0;
  const stored = stat.blocks * 512;
  if (stored < SHARING_COUNTS || !mayShare(u, node)) return stored;
  const fd = openUpper(u, node);
  const unshared = unsharedBytes(fd);
  close(fd);
  return unshared < 0 ? stored : unshared;
}
