import { constants } from 'node:fs';
import { check, E } from '../sys/errno';
import { chmodAt, chmodFd, O_RDWR } from '../sys/file';
import { openRegular } from '../sys/regular';
import { Stat, statAt, statFd } from '../sys/stat';
import type { LayerDir } from './layer';
import type { Node, UpperRecord } from './node';
import { carriesRecord } from './record';
import type { Union } from './union';

/** Reaching into the scratch's upper tree, also where modes forbid an ordinary user its own files. */

/**
 * Runs a system call that changes an upper directory. Where an ordinary user's directory forbids writing, the kernel
 * has checked already what users may do; the daemon's own bookkeeping lifts the ban for a moment.
 */
export function inUpperDir(u: Union, dir: LayerDir, call: (dirFd: number) => number): number {
  const fd = u.dirFds.get(dir);
  const result = call(fd);
  if (result !== -E.EACCES) return result;
  const stat = new Stat();
  check(statFd(fd, stat), dir.path);
  if (chmodFd(fd, (stat.mode & 0o7777) | 0o700) < 0) return result;
  try {
    return call(fd);
  } finally {
    chmodFd(fd, stat.mode & 0o7777);
  }
}

/** Opens a node's file in the scratch for reading and writing, also when its mode forbids its owner that. */
export function openUpper(u: Union, node: Node): number {
  const { fd: dirFd, name } = u.upperPlace(node);
  return check(
    asOwner(dirFd, name, () => openRegular(dirFd, name, O_RDWR)),
    node.path,
  );
}

/**
 * Runs a system call that needs to read or write a file of the scratch whose mode may forbid its owner that: the
 * kernel has checked already what users may do (0444 objects of git are written by who made them, for example).
 */
function asOwner(dirFd: number, name: string, call: () => number): number {
  const result = call();
  if (result !== -E.EACCES) return result;
  const stat = new Stat();
  check(statAt(dirFd, name, stat), name);
  check(chmodAt(dirFd, name, (stat.mode & 0o7777) | constants.S_IRUSR | constants.S_IWUSR), name);
  try {
    return call();
  } finally {
    check(chmodAt(dirFd, name, stat.mode & 0o7777), name);
  }
}

/** Stores the node's record with the inode at this place. */
export function writeRecord(u: Union, node: Node, dirFd: number, name: string): void {
  const stat = new Stat();
  check(statAt(dirFd, name, stat), name);
  if (!carriesRecord(node.type)) node.recordIno = node.record === null ? 0 : stat.ino;
  check(
    asOwner(dirFd, name, () => u.scratch.records.set(dirFd, name, node.type, stat.ino, node.record)),
    `${node.path}: writing its scratch record`,
  );
}

/** Changes the record of a node that is in the scratch. */
export function setRecord(u: Union, node: Node, record: UpperRecord | null): void {
  node.record = record;
  const { fd, name } = u.upperPlace(node);
  writeRecord(u, node, fd, name);
}
