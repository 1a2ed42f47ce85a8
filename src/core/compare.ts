import { check } from '../sys/errno';
import { close, pread } from '../sys/file';
import { S_IFDIR, S_IFLNK, S_IFREG, sameMtime, type Stat } from '../sys/stat';
import type { BasePlace, BaseView } from './baseView';
import { readlink } from './attributes';
import { peek, seekInNode } from './data';
import { deltaOf } from './delta/open';
import { seekIn, skipCommonHole, skipShared } from './holes';
import type { Job } from './job';
import type { Node } from './node';
import { openSharing } from './sharing';
import type { Union } from './union';
import { sameXattrs } from './xattrCopy';

/** How an entry of the scratch relates to the base entry in its place; links: all is equal but which names are one file. */
export type Difference = 'none' | 'links' | 'metadata' | 'changed';

const CHUNK = 1 << 20;
const left = Buffer.allocUnsafeSlow(CHUNK);
const right = Buffer.allocUnsafeSlow(CHUNK);

/**
 * Compares a node of the scratch with a base entry: contents byte by byte, then what `chmod`, `chown` and
 * `setfattr` set, and which names are one file. Times count only while the contents were never written: writing the old contents back is no change.
 */
export function* compare(
  u: Union,
  bases: BaseView,
  node: Node,
  mine: Stat,
  place: BasePlace,
  base: Stat,
): Job<Difference> {
  if (node.type !== base.type) return 'changed';
  const untouched = wasNeverWritten(node, place, base);
  if (node.type === S_IFREG && !untouched) {
    if (mine.size !== base.size) return 'changed';
    if (!(yield* sameContents(u, bases, node, place, base))) return 'changed';
  }
  if (node.type === S_IFREG && untouched && mine.size !== base.size) return 'changed';
  if (node.type === S_IFLNK && readlink(u, node) !== bases.readlink(place)) return 'changed';
  if (isSpecial(node.type) && mine.rdev !== base.rdev) return 'changed';
  if (untouched && !sameMtime(mine, base)) return 'metadata';
  if (!sameMetadata(u, node, mine, place, base)) return 'metadata';
  return isLinkedOtherwise(node, mine, place, base) ? 'links' : 'none';
}

const user = process.getuid?.() ?? 0;

/** Whether two owners are the same, as far as this user could have kept it: only root copies up what is not its own. */
export function sameOwner(mine: Stat, base: Stat): boolean {
  if (mine.uid === base.uid && mine.gid === base.gid) return true;
  return user !== 0 && base.uid !== user;
}

/** Whether a node still has the bytes of this very base entry. */
function wasNeverWritten(node: Node, place: BasePlace, base: Stat): boolean {
  return isCopyOf(node, place, base) && (node.record?.metacopy === true || node.type !== S_IFREG);
}

/** Whether a node is the copy that was made of this very base entry, or written to it. */
export function isCopyOf({ type, record }: Node, place: BasePlace, base: Stat): boolean {
  if (record === null || record.cover || type === S_IFDIR) return false;
  return record.origin.ino === base.ino && record.origin.layer === place.dir.layer;
}

/** Whether one side has other names for the entry than the other: a base file's copy has those of the base file. */
function isLinkedOtherwise(node: Node, mine: Stat, place: BasePlace, base: Stat): boolean {
  if (node.type === S_IFDIR || (mine.nlink === 1 && base.nlink === 1)) return false;
  return !isCopyOf(node, place, base);
}

/** Whether two entries that have the same contents differ in nothing else than in names. */
export function differInNames(u: Union, node: Node, mine: Stat, place: BasePlace, base: Stat): boolean {
  return sameMtime(mine, base) && sameMetadata(u, node, mine, place, base);
}

/** Whether two entries have the same mode, owner and attributes; Linux has no mode of a symbolic link. */
function sameMetadata(u: Union, node: Node, mine: Stat, place: BasePlace, base: Stat): boolean {
  if (node.type !== S_IFLNK && (mine.mode & 0o7777) !== (base.mode & 0o7777)) return false;
  if (!sameOwner(mine, base)) return false;
  const { fd, name } = u.upperPlace(node);
  return sameXattrs(fd, name, u.dirFds.get(place.dir), place.name);
}

function isSpecial(type: number): boolean {
  return type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK;
}

function* sameContents(u: Union, bases: BaseView, node: Node, place: BasePlace, base: Stat): Job<boolean> {
  const { size } = base;
  if (size === 0) return true;
  const theirs = bases.open(place);
  const sharing = openSharing(u, node, base);
  try {
    for (let at = 0; at < size;) {
      const extent = deltaOf(u, node)?.extentAt(at, size) ?? { end: size, changed: true };
      let from = extent.changed ? skipCommonHole(seekInNode(u, node), seekIn(theirs), at, extent.end) : at;
      if (from === at && sharing >= 0) from = skipShared(sharing, theirs, at, extent.end);
      if (from > at) {
        at = from;
      } else if (extent.changed) {
        if (!sameBytes(u, node, theirs, at, Math.min(extent.end, at + CHUNK))) return false;
        at = Math.min(extent.end, at + CHUNK);
        if (at < size) yield undefined;
      } else {
        at = extent.end;
      }
    }
    return true;
  } finally {
    close(theirs);
    if (sharing >= 0) close(sharing);
  }
}

function sameBytes(u: Union, node: Node, theirs: number, start: number, end: number): boolean {
  const a = peek(u, node, left, end - start, start);
  const b = check(pread(theirs, right, end - start, start), node.path);
  return a === b && left.compare(right, 0, b, 0, a) === 0;
}
