import { FsError } from '../sys/errno';
import { S_IFDIR, Stat, statAt } from '../sys/stat';
import type { Changes } from './changes';
import type { BaseName } from './coveredNames';
import type { Job } from './job';
import { linkKey } from './linkKeys';
import { joinPath, type Node } from './node';
import { dirOf, type Union } from './union';

/**
 * Link counts of base files with several names. The names that users see are those that the base shows, all but the
 * covered ones, and those that the scratch has of a copy, which its file system counts.
 */

const stat = new Stat();
const shown = new Stat();

/**
 * Link count as users see it.
 *
 * @param count that of the node's inode in its layer
 */
export function unionLinks(u: Union, node: Node, count: number): number {
  if (node.orphan) return otherLinks(u, node, node.parkedName === null ? count : count - 1);
  return node.linkedKey === null || (node.upper && node.indexKey === null)
    ? count
    : Math.max(1, shownLinks(u, node, node.linkedKey, count));
}

/** Link count of a node without a name in memory: users may not have asked for its other names. */
function otherLinks(u: Union, node: Node, count: number): number {
  const key = node.linkedKey;
  if (node.upper && node.indexKey === null) return count;
  return key === null || u.linkedLower.get(key) !== node ? 0 : Math.max(0, shownLinks(u, node, key, count));
}

function shownLinks(u: Union, node: Node, key: string, count: number): number {
  const base = node.upper ? baseLinks(u, node, key) : count;
  // One link to a copy is the index's.
  const own = node.upper ? count - 1 : 0;
  return own + Math.max(0, base - u.covered.count(key));
}

/** Whether a base file that lost all names in memory has others that users see. */
export function showsElsewhere(u: Union, node: Node): boolean {
  if (node.linkedKey === null || node.type === S_IFDIR) return false;
  u.statBacking(node, stat);
  return otherLinks(u, node, stat.nlink) > 0;
}

/** Link count of the base inode behind a copy; 0 when no name is found by which to ask. */
function baseLinks(u: Union, node: Node, key: string): number {
  const isThere = u.statBase(node, stat) === 0 && linkKey(node.lowerDir!.layer, stat) === key;
  return isThere || u.findLinkedLower(node, key, stat) ? stat.nlink : 0;
}

/**
 * Does what puts something in the place of a name that the base shows, and books that name if its inode has others.
 *
 * @param node what the name stands for
 */
export function covering<T>(u: Union, node: Node | null, parent: Node, name: string, action: () => T): T {
  const linked = node?.linkedKey != null && !u.upperNames(parent).has(name);
  const covered = linked ? sharedName(u, parent, name) : null;
  if (covered === null) return action();
  u.covered.book(covered.key, covered, true);
  try {
    return action();
  } catch (error) {
    u.covered.book(covered.key, covered, false);
    throw error;
  }
}

/** What the bases have under a name of a directory, when it is a file that has other names too, or had when it was found. */
function sharedName(u: Union, parent: Node, name: string): (BaseName & { key: string }) | null {
  const dir = u.firstWith(dirOf(parent).lowers, name, stat);
  if (dir === undefined || stat.type === S_IFDIR) return null;
  const { layer, path } = dir;
  const key = linkKey(layer, stat);
  if (stat.dev !== u.inodes.device(layer) || (stat.nlink < 2 && !u.linkedLower.has(key))) return null;
  return { key, layer, path: joinPath(path, name) };
}

/** Books what became of names at and below a place, where the base shows what it did not, or not any more. */
export function rebookNames(u: Union, parent: Node, name: string): void {
  const shared = sharedName(u, parent, name);
  if (shared !== null) book(u, shared.key, shared, u.upperNames(parent).has(name));
  for (const { layer, path } of dirOf(parent).lowers) u.covered.doubt({ layer, path: joinPath(path, name) });
}

function book(u: Union, key: string, name: BaseName, covered: boolean): void {
  recounting(u, key, () => u.covered.book(key, name, covered));
}

function recounting(u: Union, key: string, action: () => void): void {
  const count = u.covered.count(key);
  action();
  const node = u.linkedLower.get(key);
  if (node !== undefined && u.covered.count(key) !== count) u.invalidator.inode(node.id, -1, 0);
}

/** Looks again at names in doubt. Ends early when the list, which tells where directories are, is not up to date. */
export function* settleDoubts(u: Union, changes: Changes): Job<void> {
  for (const name of u.covered.doubted()) {
    if (changes.touched) return;
    recheck(u, changes, name);
    yield undefined;
  }
}

/** Books whether a base name shows. */
export function recheck(u: Union, changes: Changes, name: BaseName): void {
  const key = u.covered.keyOf(name);
  if (key === undefined) return;
  const place = changes.bases.places(name.path).find(({ dir }) => dir.layer === name.layer);
  const found = place !== undefined && statAt(u.dirFds.get(place.dir), place.name, stat) === 0;
  if (found && linkKey(name.layer, stat) === key) book(u, key, name, !isShown(u, changes, name.path, stat));
  else recounting(u, key, () => u.covered.forget(name));
}

/** Whether a path of the bases shows this inode, and from there. */
export function isShown(u: Union, changes: Changes, path: string, { ino, dev }: Stat): boolean {
  try {
    const result = changes.ifThere(changes.unionPath(path), (parent, name) => {
      if (u.upperNames(parent).has(name) || u.statLower(parent, name, shown) !== 0) return false;
      return shown.ino === ino && shown.dev === dev;
    });
    return result ?? false;
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
}
