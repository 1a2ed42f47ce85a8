import { readDirectory } from '../sys/directory';
import { check } from '../sys/errno';
import { AT_REMOVEDIR, linkAt, renameAt, unlinkAt, utimensAt } from '../sys/file';
import { birthAt, sameMtime, Stat, statAt, statFd } from '../sys/stat';
import { type BasePlace, type BaseView, pathOf } from './baseView';
import type { Changes } from './changes';
import { isCopyOf, sameOwner } from './compare';
import { linkKey } from './linkKeys';
import { inUpperDir, setRecord } from './upperAccess';
import type { BaseMove } from './journal';
import type { LayerDir } from './layer';
import { rebookNames } from './linkCounts';
import { joinPath, type Node } from './node';
import { isOrigin, originOf, recordOf } from './origin';
import { forgetInode, nodeLosesName, pinOrphan } from './names';
import { dirOf, type Union } from './union';
import { sameXattrs } from './xattrCopy';

/** How the scratch and the nodes in memory follow what a commit did to the bases. */

/** Removes a whiteout; what the bases have under its name, if anything, shows again. */
export function dropWhiteout(u: Union, parent: Node, name: string): void {
  const { upper } = dirOf(parent);
  if (upper === null || !u.upperNames(parent).get(name)?.whiteout) return;
  check(
    inUpperDir(u, upper, (fd) => unlinkAt(fd, name)),
    name,
  );
  u.upperNames(parent).delete(name);
  rebookNames(u, parent, name);
  u.observer.touchName(parent, name);
}

/** Hides a name in the bases' root before something stands there that the mount shows elsewhere. */
export function coverRoot(u: Union, name: string): void {
  check(u.scratch.createWhiteout(u.scratch.upperFd, name), name);
  u.upperNames(u.root).set(name, { whiteout: true });
}

/** An inode of a base, wherever that has it. */
export interface BaseInode {
  readonly layer: number;
  readonly ino: number;
}

/**
 * Removes a file from the scratch that a base now has. It stays where its directory does not show the base's entry
 * (an opaque directory that still hides others), and as long as the base lacks one of its names.
 * Returns whether it is gone.
 *
 * @param written what the base has as it is here
 */
export function dropUpper(u: Union, node: Node, written: BaseInode): boolean {
  const { layer, ino } = written;
  const { parent, name } = node;
  if (parent === null) return false;
  const lower = u.firstWith(dirOf(parent).lowers, name, stat);
  if (lower?.layer !== layer || stat.ino !== ino || !baseHasAllNames(u, node, parent, stat)) return false;
  u.fileFds.drop(node);
  u.deltas.drop(node);
  for (const each of [{ parent, name }, ...(node.aliases ?? [])]) removeUpperName(u, each.parent, each.name);
  // After the names that it has here, so that a crash in between leaves all names of the file one.
  if (node.indexKey !== null) {
    check(unlinkAt(u.scratch.indexFd, node.indexKey), name);
    u.indexed.delete(node.indexKey);
    node.indexKey = null;
  }
  // After the last name: a crash in between leaves something useless, and not something that is lacking.
  forgetInode(u, node);
  node.recordIno = 0;
  node.upper = false;
  node.record = null;
  node.lowerDir = lower;
  node.lowerName = name;
  u.unlinkUpper(node);
  if (stat.nlink === 1) u.commitTimes.forget(layer, stat);
  if (stat.nlink > 1 && stat.dev === u.inodes.device(layer)) u.linkLower(node, linkKey(layer, stat));
  u.invalidator.inode(node.id, -1, 0);
  return true;
}

/** Whether the bases show one inode under each name that a node has in memory and in the scratch. */
function baseHasAllNames(u: Union, node: Node, parent: Node, inode: Stat): boolean {
  let links = node.indexKey === null ? 0 : 1;
  for (const each of [{ parent, name: node.name }, ...(node.aliases ?? [])]) {
    if (u.statLower(each.parent, each.name, other) !== 0) return false;
    if (other.ino !== inode.ino || other.dev !== inode.dev) return false;
    if (u.upperNames(each.parent).has(each.name)) links++;
  }
  const { fd, name } = u.upperPlace(node);
  check(statAt(fd, name, other), node.path);
  return other.nlink === links;
}

/** Notes that a node now stands on the base file as it is there. */
export function bookOrigin(u: Union, node: Node, place: BasePlace): void {
  if (node.orphan || node.record === null) return;
  check(statAt(u.dirFds.get(place.dir), place.name, stat), node.path);
  setRecord(u, node, { ...node.record, origin: originOf(place.dir.layer, stat) });
}

/**
 * Notes that what a node has equals a base entry, whatever it was copied from or replaced: if it changes again, it is that
 * entry's change. A crash between writing to the base and booking it can leave the two so.
 *
 * @param base as it was when they were compared
 * @param mine the same of the node
 */
export function bookEqual(u: Union, node: Node, place: BasePlace, base: Stat, mine: Stat): void {
  if (node.dir !== null || node.damage !== null) return;
  const { record } = node;
  const origin = originOf(place.dir.layer, base);
  // That is how a commit leaves what it wrote: the base's entry is its copy.
  const isWritten = sameMtime(mine, base);
  const replaces = record === null || record.cover;
  if (replaces && isWritten && node.parent !== null && dirOf(node.parent).lowers.length > 0) {
    setRecord(u, node, recordOf(origin));
    u.tellNewNumber(node);
  } else if (record === null) {
    setRecord(u, node, recordOf(origin, { cover: true }));
  } else if (!isOrigin(record.origin, place, base) && !record.metacopy && record.delta === null) {
    setRecord(u, node, { ...record, origin });
    u.tellNewNumber(node);
  }
}

/**
 * The same for a node with several names, of which the base has one or more as one inode that has no others. One stands
 * where the node's origin stood, or it has the time that only a commit gives it. Returns whether it is so.
 *
 * @param paths where the bases would have the node's names
 */
export function bookNames(
  u: Union,
  bases: BaseView,
  node: Node,
  place: BasePlace,
  base: Stat,
  mine: Stat,
  paths: readonly string[],
): boolean {
  const { record, indexKey, damage } = node;
  if (indexKey !== null || damage !== null || record?.metacopy || record?.delta != null) return false;
  const written = paths.filter((path) => {
    const there = bases.stat(path, other);
    return there?.dir.layer === place.dir.layer && other.ino === base.ino;
  });
  if (written.length !== base.nlink) return false;
  // Of two that a commit could have written of it, it is the later one's copy.
  const isLaterOnes = paths.some((path) => {
    const there = bases.stat(path, other);
    return there !== null && isCopyOf(node, there, other) && sameMtime(mine, other) && !isOlder(other, base);
  });
  if (isLaterOnes) return false;
  const from = record?.redirect ?? null;
  if (from !== null && !written.includes(from) && !sameMtime(mine, base)) return false;
  const origin = originOf(place.dir.layer, base);
  setRecord(u, node, recordOf(origin, { redirect: pathOf(place) }));
  u.tellNewNumber(node);
  return true;
}

function isOlder(a: Stat, b: Stat): boolean {
  return a.ctime < b.ctime || (a.ctime === b.ctime && a.ctimeNsec < b.ctimeNsec);
}

/**
 * Has a copy's record lead to a name that its base file still has, when the one that it led to is gone: commits take names of
 * files with several. Returns where it leads now; null if that is where it led.
 *
 * @param place where the base has the file in the copy's own place
 */
export function bookPlace(u: Union, bases: BaseView, node: Node, place: BasePlace | null): string | null {
  const { record } = node;
  if (record === null || record.redirect === null || record.cover || node.dir !== null) return null;
  const there = bases.stat(record.redirect, other);
  if (there !== null && isCopyOf(node, there, other)) return null;
  const found = place ?? linkedPlace(u, node);
  if (found === null) return null;
  const redirect = pathOf(found);
  setRecord(u, node, { ...record, redirect });
  return redirect;
}

/** Where the base has a name of the inode with several that a node is a copy of; null if none is known. */
function linkedPlace(u: Union, node: Node): BasePlace | null {
  const { linkedKey } = node;
  if (linkedKey === null || !u.findLinkedLower(node, linkedKey, other) || node.lowerDir === null) return null;
  return { dir: node.lowerDir, name: node.lowerName };
}

/**
 * Files a copy of a base inode that has several names by now, as copies are filed of one that had them before: all of
 * these show it. A commit makes such names of a file that was linked here, and then keeps the copy for a while.
 */
export function indexCopy(u: Union, node: Node, place: BasePlace, base: Stat): void {
  const { layer } = place.dir;
  if (base.nlink < 2 || base.dev !== u.inodes.device(layer) || !isCopyOf(node, place, base)) return;
  const key = linkKey(layer, base);
  const known = u.linkedLower.get(key);
  // Somebody has another name of it in use as what the base has: the next time.
  if (known !== undefined && known !== node) return;
  if (node.indexKey === null) {
    if (u.indexed.has(key)) return;
    const { fd, name } = u.upperPlace(node);
    check(linkAt(fd, name, u.scratch.indexFd, key), node.path);
    check(statAt(u.scratch.indexFd, key, stat), node.path);
    u.indexed.add(key);
    node.indexKey = key;
    u.linkUpper(node, stat.ino);
    u.linkLower(node, key);
    u.invalidator.inode(node.id, -1, 0);
  }
  u.covered.suspect(key, { layer, path: pathOf(place) });
}

/**
 * Has a copy of a base inode with several names be that of what a commit has put in the place of all of these, but has not
 * booked.
 */
export function followWritten(u: Union, node: Node, place: BasePlace, base: Stat): void {
  const { layer } = place.dir;
  if (node.record === null || base.nlink < 2 || base.dev !== u.inodes.device(layer)) return;
  const key = linkKey(layer, base);
  moveIndex(u, node, key);
  u.covered.suspect(key, { layer, path: pathOf(place) });
  setRecord(u, node, { ...node.record, origin: originOf(layer, base) });
  u.tellNewNumber(node);
}

/** Files what several names share under the base inode that they share now. */
export function moveIndex(u: Union, node: Node, key: string): void {
  if (node.indexKey === null || node.indexKey === key) return;
  check(renameAt(u.scratch.indexFd, node.indexKey, u.scratch.indexFd, key), node.path);
  u.indexed.delete(node.indexKey);
  u.indexed.add(key);
  node.indexKey = key;
  u.linkLower(node, key);
}

const stat = new Stat();
const other = new Stat();

function removeUpperName(u: Union, parent: Node, name: string): void {
  const { upper } = dirOf(parent);
  if (upper === null || !u.upperNames(parent).has(name)) return;
  check(
    inUpperDir(u, upper, (fd) => unlinkAt(fd, name)),
    name,
  );
  u.upperNames(parent).delete(name);
  rebookNames(u, parent, name);
}

/** Lets a directory of the scratch merge with what the bases now have in its place, unless it hides more than that. */
export function adoptLowers(u: Union, node: Node): void {
  if (node.parent === null) return;
  const lowers = u.childLowers(dirOf(node.parent).lowers, node.name);
  if (hiddenNames(u, node, lowers).length === 0) merge(u, node, lowers);
}

/** Makes an opaque directory merge with its base; each entry that it hid gets a whiteout instead. */
export function uncover(u: Union, node: Node): void {
  const dir = dirOf(node);
  if (node.parent === null || dir.lowers.length > 0) return;
  uncover(u, node.parent);
  const lowers = u.childLowers(dirOf(node.parent).lowers, node.name);
  const { fd: above, name: own } = u.upperPlace(node);
  const since = birthAt(above, own);
  for (const name of hiddenNames(u, node, lowers)) {
    check(
      inUpperDir(u, dir.upper!, (fd) => u.scratch.createWhiteout(fd, name)),
      name,
    );
    setHiddenSince(u.dirFds.get(dir.upper!), name, since);
    u.upperNames(node).set(name, { whiteout: true });
  }
  merge(u, node, lowers);
}

/** A whiteout's time tells a commit from when on a change in the base is a conflict. @param since seconds; NaN for unknown */
function setHiddenSince(fd: number, name: string, since: number): void {
  if (Number.isNaN(since)) return;
  const seconds = Math.floor(since);
  const nanoseconds = Math.floor((since - seconds) * 1e9);
  check(utimensAt(fd, name, seconds, nanoseconds, seconds, nanoseconds), name);
}

function hiddenNames(u: Union, node: Node, lowers: readonly LayerDir[]): string[] {
  const mine = u.upperNames(node);
  return namesIn(u, node, lowers).filter((name) => !mine.has(name));
}

function namesIn(u: Union, node: Node, lowers: readonly LayerDir[]): string[] {
  const names = new Set<string>();
  for (const lower of lowers) {
    const result = readDirectory(u.dirFds.get(lower), '', (name) => names.add(name));
    check(result, node.path);
  }
  return [...names];
}

/** Directories below that stood on nothing must go on hiding what the bases have in their place. */
function merge(u: Union, node: Node, lowers: LayerDir[]): void {
  const dir = dirOf(node);
  for (const name of namesIn(u, node, lowers)) {
    const entry = u.upperNames(node).get(name);
    const child = entry === undefined || entry.whiteout ? null : u.lookup(node, name);
    if (child === null) continue;
    const covers = child.dir?.lowers.length === 0 && !child.dir.opaque;
    if (child.dir !== null && covers && u.childLowers(lowers, name).length > 0) {
      u.scratch.setOpaque(u.dirFds.get(dir.upper!), name);
      child.dir.opaque = true;
    }
    u.release(child);
  }
  const { fd, name } = u.upperPlace(node);
  u.scratch.clearOpaque(fd, name);
  dir.opaque = false;
  dir.lowers = lowers;
  dir.listing = null;
  u.tellNewNumber(node);
}

/** Removes directories from the scratch, from this one up, that add nothing to the bases any more. */
export function pruneDirectory(u: Union, node: Node): void {
  for (let at: Node = node; at.parent !== null; at = at.parent) {
    const dir = dirOf(at);
    if (dir.upper === null) continue;
    if (dir.opaque) adoptLowers(u, at);
    if (u.upperNames(at).size > 0 || !looksLikeBase(u, at)) return;
    const above = dirOf(at.parent).upper!;
    const name = at.name;
    check(
      inUpperDir(u, above, (fd) => unlinkAt(fd, name, AT_REMOVEDIR)),
      at.path,
    );
    u.dirFds.drop(dir.upper);
    u.upperNames(at.parent).delete(name);
    dir.upper = null;
    dir.upperNames = null;
    at.upper = false;
    at.record = null;
    u.invalidator.inode(at.id, -1, 0);
  }
}

/** Whether the base's directory in the same place has the same owner, mode and attributes. */
function looksLikeBase(u: Union, node: Node): boolean {
  const dir = dirOf(node);
  const first = dir.lowers[0];
  if (first === undefined || dir.opaque || !isInPlace(node)) return false;
  const { fd, name } = u.upperPlace(node);
  check(statAt(fd, name, stat), node.path);
  check(statFd(u.dirFds.get(first), other), node.path);
  const same = stat.mode === other.mode && sameOwner(stat, other);
  return same && sameXattrs(fd, name, u.dirFds.get(first), '.');
}

/** Whether a directory's place leads to the same as its record: it may have been renamed, and have come back. */
function isInPlace({ parent, name, record }: Node): boolean {
  if (record?.redirect == null) return true;
  const above = parent === null ? undefined : dirOf(parent).lowers[0];
  return above !== undefined && joinPath(above.path, name) === record.redirect;
}

/** After a rename inside the bases: the entry's record and the whiteout at its old place follow. */
export function settleMove(u: Union, changes: Changes, node: Node, move: BaseMove): void {
  const { record } = node;
  if (record !== null && (move.detour || hasLinks(u, node))) {
    setRecord(u, node, { ...record, redirect: move.to });
    // A directory above the new place may be moved next.
    for (const path of [move.path, ...changes.namesInScratch(node)]) changes.noteRedirect(path, move.to);
  } else if (node.dir !== null || record === null) setRecord(u, node, null);
  else setRecord(u, node, { ...record, redirect: null });
  if (node.dir !== null) {
    // Before anything in it is looked up.
    u.rebase();
    redirectBelow(u, changes, move);
  }
  changes.renameCommitted(move.from, move.detour ? move.to : null);
  changes.ifThere(move.oldPath, (parent, name) => {
    if (u.statLower(parent, name, stat) === 0) return;
    if (!move.detour) dropWhiteout(u, parent, name);
    const successor = u.lookup(parent, name);
    if (successor === null) return;
    if (successor.record?.cover) setRecord(u, successor, null);
    u.release(successor);
  });
  u.rebase();
}

/** Entries whose records lead below a directory of the bases that moved follow it. */
function redirectBelow(u: Union, changes: Changes, { from, to }: BaseMove): void {
  for (const path of changes.redirectedTo(from)) {
    changes.ifThere(path, (parent, name) => {
      const node = u.lookup(parent, name);
      const record = node?.record;
      if (node === null || record?.redirect == null) return;
      if (record.redirect.startsWith(`${from}/`)) {
        const redirect = to + record.redirect.slice(from.length);
        setRecord(u, node, { ...record, redirect });
        u.findLower(node);
        changes.noteRedirect(path, redirect);
      }
      u.release(node);
    });
    changes.touchPath(path);
  }
}

/** Whether a file has several names in the scratch. */
function hasLinks(u: Union, node: Node): boolean {
  if (node.dir !== null) return false;
  const { fd, name } = u.upperPlace(node);
  check(statAt(fd, name, stat), node.path);
  return stat.nlink > 1;
}

/** Keeps what users have open below a name that is about to stand for something else. */
export function pinTree(u: Union, node: Node): void {
  pinOrphan(u, node);
  for (const child of node.dir?.children.values() ?? []) pinTree(u, child);
}

/** Forgets the node under a name that now stands for something else, and makes the driver ask again. */
export function replaceName(u: Union, parent: Node, name: string): void {
  const node = dirOf(parent).children.get(name);
  if (node !== undefined) loseTree(u, node, parent, name);
  rebookNames(u, parent, name);
  u.observer.touchName(parent, name);
  dirOf(parent).listing = null;
  u.invalidator.entry(parent, name);
  u.invalidator.inode(parent.id, 0, 0);
}

function loseTree(u: Union, node: Node, parent: Node, name: string): void {
  for (const [each, child] of [...(node.dir?.children ?? [])]) loseTree(u, child, node, each);
  nodeLosesName(u, node, parent, name);
  // With another name its inode is found by that, unless its copy left the index: then that one goes next.
  if (node.orphan) u.unlink(node);
  else if (node.indexKey === null || u.indexed.has(node.indexKey)) u.unpin(node);
}
