import { toText } from '../../sys/bytes';
import { check, E, FsError } from '../../sys/errno';
import { close, O_NOFOLLOW, O_RDONLY, openAt } from '../../sys/file';
import { Stat, statFd } from '../../sys/stat';
import { openUpper } from '../upperAccess';
import type { Node } from '../node';
import type { Union } from '../union';
import type { DeltaFile } from './deltaFile';
import type { DeltaSource } from './deltas';

/** The node's block delta, or null when it has none. @throws FsError EIO when its map or its base cannot be trusted */
export function deltaOf(u: Union, node: Node): DeltaFile | null {
  return node.record?.delta == null ? null : u.deltas.get(node, deltaSource(u, node));
}

/** Where a node's delta finds its two halves. */
export function deltaSource(u: Union, node: Node): DeltaSource {
  return { openScratch: () => openUpper(u, node), openBase: () => openOrigin(u, node) };
}

const stat = new Stat();

/** Opens the base file that was copied up. Another one in its place would lend wrong bytes. */
function openOrigin(u: Union, node: Node): number {
  const what = toText(node.path);
  if (node.lowerDir === null) throw new FsError(E.EIO, `${what}: the base file of its block delta is gone`);
  const fd = check(openAt(u.dirFds.get(node.lowerDir), node.lowerName, O_RDONLY | O_NOFOLLOW), what);
  check(statFd(fd, stat), what);
  const { ino, size, mtime, mtimeNsec } = node.record!.origin;
  if (stat.ino === ino && stat.size === size && stat.mtime === mtime && stat.mtimeNsec === mtimeNsec)
    return fd;
  close(fd);
  throw new FsError(E.EIO, `${what}: the base file of its block delta was changed`);
}
