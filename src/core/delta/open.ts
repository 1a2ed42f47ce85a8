import { check, E } from '../../sys/errno';
import { close, O_RDONLY } from '../../sys/file';
import { openRegular } from '../../sys/regular';
import { sameMtime, Stat, statFd } from '../../sys/stat';
import { DamageError } from '../damage';
import type { Node } from '../node';
import type { Union } from '../union';
import { openUpper } from '../upperAccess';
import type { DeltaFile } from './deltaFile';
import type { DeltaSource } from './deltas';

/**
 * The node's block delta, or null when it has none. Whoever wants bytes of a file comes by here.
 *
 * @throws DamageError when its record, its map or its base cannot be trusted
 */
export function deltaOf(u: Union, node: Node): DeltaFile | null {
  if (node.record === null && node.damage !== null) throw new DamageError(node.path, node.damage);
  if (node.record?.delta == null) return null;
  try {
    const delta = u.deltas.get(node, deltaSource(u, node));
    // Others may write to the base's file at any time.
    if (!delta.baseInFlux) requireOrigin(node, delta.baseFd);
    node.damage = null;
    return delta;
  } catch (error) {
    if (error instanceof DamageError) u.noteDamage(node, error);
    throw error;
  }
}

/** Why the bytes of a node cannot be had, as part of a sentence; null when they can. */
export function damageOf(u: Union, node: Node): string | null {
  try {
    deltaOf(u, node);
    return null;
  } catch (error) {
    if (error instanceof DamageError) return error.reason;
    throw error;
  }
}

/** Where a node's delta finds its two halves. */
export function deltaSource(u: Union, node: Node): DeltaSource {
  return { openScratch: () => openUpper(u, node), openBase: () => openOrigin(u, node) };
}

/** Opens the base file that was copied up. */
function openOrigin(u: Union, node: Node): number {
  const { lowerDir, lowerName } = node;
  const fd = lowerDir === null ? -E.ENOENT : openRegular(u.dirFds.get(lowerDir), lowerName, O_RDONLY);
  if (fd === -E.ENOENT || fd === -E.ELOOP || fd === -E.EINVAL)
    throw new DamageError(node.path, 'the base file of its block delta is gone');
  check(fd, node.path);
  try {
    requireOrigin(node, fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

const stat = new Stat();

/** Another file in the base's place, or the same one with other contents, would lend wrong bytes. */
function requireOrigin(node: Node, baseFd: number): void {
  check(statFd(baseFd, stat), node.path);
  const { origin } = node.record!;
  if (stat.ino === origin.ino && stat.size === origin.size && sameMtime(stat, origin)) return;
  throw new DamageError(node.path, 'the base file of its block delta was changed');
}
