import { CowspaceError } from '../protocol/errors';
import type { Change, DiscardParams, DiscardResult, PlanItem } from '../protocol/messages';
import { toBytes } from '../sys/bytes';
import { check, E } from '../sys/errno';
import {
  chmodAt,
  chownAt,
  close,
  linkAt,
  mkdirAt,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  renameAt,
  unlinkAt,
} from '../sys/file';
import { S_IFDIR, Stat, statAt } from '../sys/stat';
import type { Changes } from './changes';
import { copyUpDir } from './copyup';
import { linkKey } from './linkKeys';
import { inUpperDir } from './upperAccess';
import type { Job } from './job';
import { swapForWhiteout } from './names';
import type { Node } from './node';
import { makesDirectory, planItem, selectChanges } from './plan';
import { dropWhiteout, pinTree, pruneDirectory, replaceName, uncover } from './settle';
import { deleteTrash, newTrashCan, openTrash, readTrash, type TrashCan, type TrashEntry } from './trash';
import { dirOf, type Union } from './union';
import { replaceXattrs } from './xattrCopy';

/** Puts changes aside, so that the bases show again. Nothing is deleted: {@link undoDiscard} brings it back. */
export function* discard(u: Union, changes: Changes, params: DiscardParams): Job<DiscardResult> {
  yield* changes.update();
  const selected = selectChanges(changes, params.paths);
  yield* addLinks(u, changes, selected);
  yield* addDependents(changes, selected);
  // Children first: what was renamed into a new directory goes home before the directory goes.
  const steps = [...selected].sort(([a], [b]) => (a < b ? 1 : -1));
  const items = steps.map(([, change]) => planItem(change));
  if (params.dryRun || steps.length === 0) return { items };
  const going = new Set(steps.filter(([, change]) => makesDirectory(change)).map(([path]) => path));
  const can = yield* newTrashCan(u.scratch);
  const done: PlanItem[] = [];
  try {
    for (const [path, change] of steps) {
      yield { done: done.length, total: steps.length, path: change.path };
      discardOne(u, changes, can, path, change, going);
      going.delete(path);
      done.push(planItem(change));
    }
  } finally {
    can.close();
  }
  yield* changes.update();
  return { items: done, undoId: can.id };
}

/** Adds the other names of base inodes with several, which all show the base again when one does. */
function* addLinks(u: Union, changes: Changes, selected: Map<string, Change>): Job<void> {
  const keys = new Set<string>();
  for (const path of [...selected.keys()]) {
    const key = indexKeyAt(u, changes, path);
    if (key !== null) keys.add(key);
    yield undefined;
  }
  if (keys.size === 0) return;
  for (const [path, change] of [...changes.below('')]) {
    const key = indexKeyAt(u, changes, path);
    if (key !== null && keys.has(key)) selected.set(path, change);
    yield undefined;
  }
}

function indexKeyAt(u: Union, changes: Changes, path: string): string | null {
  return changes.ifThere(path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return null;
    u.release(node);
    return node.indexKey;
  });
}

/**
 * Adds what stands on base files that will show again: links to them, and what was renamed from below them. Two files
 * would have one inode number else, and a commit of the one would move the other.
 */
function* addDependents(changes: Changes, selected: Map<string, Change>): Job<void> {
  const queue = [...selected];
  for (let step = queue.pop(); step !== undefined; step = queue.pop()) {
    const [path, change] = step;
    for (const basePath of shownAgain(changes, path, change)) {
      for (const other of [...changes.redirectedTo(basePath), ...changes.renamedOutOf(basePath)]) {
        const dependent = changes.get(other);
        if (dependent === undefined || selected.has(other)) continue;
        selected.set(other, dependent);
        queue.push([other, dependent]);
      }
    }
    yield undefined;
  }
}

/** Base paths at and below which the bases show when a change is discarded. */
function shownAgain(changes: Changes, path: string, { kind, type, from }: Change): string[] {
  if (kind === 'metadata' && type === 'directory') return [];
  // Users can remove the directory meanwhile.
  const basePath = changes.ifThere(path, () => changes.basePath(path));
  return [...(basePath === null ? [] : [basePath]), ...(from === undefined ? [] : [toBytes(from)])];
}

/** @param going directories to be put aside, after what is in them: they are not made to show the bases before */
function discardOne(
  u: Union,
  changes: Changes,
  can: TrashCan,
  path: string,
  change: Change,
  going: ReadonlySet<string>,
): void {
  changes.ifThere(path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (change.kind === 'whiteout') restoreBase(u, can, parent, name, change);
    else if (node?.dir?.upper && change.kind === 'metadata') resetMetadata(u, can, node, change);
    else if (node?.upper) moveToTrash(u, changes, can, { node, parent, name, path, change }, going);
    if (node !== null) u.release(node);
    if (change.from !== undefined) restoreOldPlace(u, changes, toBytes(change.from), going);
    if (!going.has(parent.path)) pruneDirectory(u, parent);
  });
  changes.touchPath(path);
}

/** Takes a whiteout away. Below an opaque directory each hidden entry has to get one first. */
function restoreBase(u: Union, can: TrashCan, parent: Node, name: string, change: Change): void {
  uncover(u, parent);
  const upper = dirOf(parent).upper;
  if (upper === null || !u.upperNames(parent).get(name)?.whiteout) return;
  const aside = can.add(planItem(change), { whiteout: true, metadata: false });
  check(
    inUpperDir(u, upper, (fd) => renameAt(fd, name, can.dirFd, aside)),
    name,
  );
  u.upperNames(parent).delete(name);
  replaceName(u, parent, name);
}

/** A change of something that is there. */
interface Discarded {
  readonly node: Node;
  readonly parent: Node;
  readonly name: string;
  readonly path: string;
  readonly change: Change;
}

function moveToTrash(
  u: Union,
  changes: Changes,
  can: TrashCan,
  discarded: Discarded,
  going: ReadonlySet<string>,
): void {
  const { node, parent, name, path, change } = discarded;
  const names = [{ parent, name }, ...(node.indexKey === null ? [] : otherNames(node, parent, name))];
  const basePath = changes.basePath(path);
  // Else the name would pass for one that the directory hides, and get a whiteout with the others.
  const shows = basePath !== null && changes.bases.stat(basePath, stat) !== null;
  if (shows && !going.has(parent.path)) uncover(u, parent);
  const upper = dirOf(parent).upper;
  const aside = can.add(planItem(change), { whiteout: false, metadata: false });
  pinTree(u, node);
  releaseCopiesBelow(u, changes, node);
  // What the base has here shows elsewhere.
  const hides = basePath === null && u.statLower(parent, name, stat) === 0;
  if (hides) check(u.scratch.createWhiteout(can.dirFd, aside), path);
  if (upper !== null && u.upperNames(parent).has(name)) {
    check(
      inUpperDir(u, upper, (fd) => renameAt(fd, name, can.dirFd, aside, hides ? RENAME_EXCHANGE : 0)),
      name,
    );
  }
  const equal = node.indexKey === null ? [] : unchangedNames(changes, node);
  if (node.indexKey !== null) dropIndex(u, can, node, node.indexKey, aside);
  if (hides) u.upperNames(parent).set(name, { whiteout: true });
  else u.upperNames(parent).delete(name);
  for (const each of names) replaceName(u, each.parent, each.name);
  for (const each of equal) showBase(u, changes, each);
}

/** Names that the scratch has of a base inode with several, without a change to discard: each equals what its base has. */
function unchangedNames(changes: Changes, node: Node): string[] {
  const paths = changes.namesInScratch(node);
  return paths.filter((each) => changes.get(each) === undefined && changes.isNameOf(node, each));
}

/** Copies of base inodes with several names, equal to the base's, do not go into the trash: other names show them. */
function releaseCopiesBelow(u: Union, changes: Changes, directory: Node): void {
  if (directory.dir === null || u.indexed.size === 0) return;
  for (const [name, { whiteout }] of [...u.upperNames(directory)]) {
    const node = whiteout ? null : u.lookup(directory, name);
    if (node === null) continue;
    releaseCopiesBelow(u, changes, node);
    if (node.indexKey !== null) releaseCopy(u, changes, node, node.indexKey);
    u.release(node);
  }
}

function releaseCopy(u: Union, changes: Changes, node: Node, key: string): void {
  const equal = unchangedNames(changes, node);
  check(unlinkAt(u.scratch.indexFd, key), node.path);
  u.indexed.delete(key);
  u.unlinkUpper(node);
  for (const { parent, name } of namesOf(node)) replaceName(u, parent, name);
  for (const each of equal) showBase(u, changes, each);
}

function showBase(u: Union, changes: Changes, path: string): void {
  changes.ifThere(path, (parent, name) => {
    uncover(u, parent);
    removeCleanCopy(u, parent, name);
    replaceName(u, parent, name);
    pruneDirectory(u, parent);
  });
}

/** Names under which a base inode with several shows what was written under one of them. */
function namesOf({ parent, name, aliases }: Node): { parent: Node; name: string }[] {
  return [...(aliases ?? []), ...(parent === null ? [] : [{ parent, name }])];
}

function otherNames(node: Node, parent: Node, name: string): { parent: Node; name: string }[] {
  return namesOf(node).filter((each) => each.parent !== parent || each.name !== name);
}

function dropIndex(u: Union, can: TrashCan, node: Node, key: string, aside: string): void {
  // Changed under a name that has no entry of its own in the scratch: the index holds the only one.
  const moved = renameAt(u.scratch.indexFd, key, can.dirFd, aside);
  if (moved < 0) check(unlinkAt(u.scratch.indexFd, key), node.path);
  // A rename between two names of one inode leaves both.
  unlinkAt(u.scratch.indexFd, key);
  u.indexed.delete(key);
  u.unlinkUpper(node);
}

const stat = new Stat();

/** Gives a directory its base's owner, mode and attributes again; an empty directory in the trash keeps the old ones. */
function resetMetadata(u: Union, can: TrashCan, node: Node, change: Change): void {
  uncover(u, node);
  const base = dirOf(node).lowers[0];
  if (base === undefined) return;
  const aside = can.add(planItem(change), { whiteout: false, metadata: true });
  const { fd, name } = u.upperPlace(node);
  // Complete or not there at all, should a crash come.
  const { workFd } = u.scratch;
  const temporary = u.scratch.temporaryName();
  check(mkdirAt(workFd, temporary, 0o700), node.path);
  copyDirMetadata(fd, name, workFd, temporary);
  check(renameAt(workFd, temporary, can.dirFd, aside), node.path);
  copyDirMetadata(u.dirFds.get(base), '.', fd, name);
  u.invalidator.inode(node.id, -1, 0);
}

function copyDirMetadata(fromFd: number, fromName: string, toFd: number, toName: string): void {
  check(statAt(fromFd, fromName, stat), toName);
  const owned = chownAt(toFd, toName, stat.uid, stat.gid);
  if (owned !== -E.EPERM) check(owned, toName);
  replaceXattrs(fromFd, fromName, toFd, toName);
  check(chmodAt(toFd, toName, stat.mode & 0o7777), toName);
}

/** Where something was renamed away, the base shows again. */
function restoreOldPlace(u: Union, changes: Changes, from: string, going: ReadonlySet<string>): void {
  const path = changes.unionPath(from);
  const show = (parent: Node, name: string): void => {
    // Else the directory would go on hiding it with the others, or give it a whiteout later.
    if (!going.has(parent.path)) uncover(u, parent);
    if (!u.upperNames(parent).get(name)?.whiteout) return;
    dropWhiteout(u, parent, name);
    replaceName(u, parent, name);
    pruneDirectory(u, parent);
  };
  // Another directory may have come to where its own was.
  if (changes.targetPath(path) === from) changes.ifThere(path, show);
  changes.forgetRename(from);
}

/**
 * Brings back what a discard put aside.
 *
 * @throws CowspaceError `exists` when one of its paths changed since; then nothing is done
 */
export function* undoDiscard(u: Union, changes: Changes, id: string): Job<DiscardResult> {
  const entries = (yield* readTrash(u.scratch, id)).reverse();
  yield* changes.update();
  const dirFd = openTrash(u.scratch, id);
  try {
    const present = entries.filter((entry) => statAt(dirFd, entry.name, stat) === 0);
    const taken = present.find((entry) => isTaken(u, changes, dirFd, entry));
    if (taken !== undefined) {
      throw new CowspaceError(
        'exists',
        `${taken.path} was changed again since the discard. Discard or commit that first, then undo.`,
        { path: taken.path },
      );
    }
    for (const entry of present) {
      yield undefined;
      restoreEntry(u, changes, dirFd, entry);
    }
    hideOldPlaces(u, changes, entries);
    yield* deleteTrash(u.scratch, id);
    yield* changes.update();
    return { items: present.map(planItem) };
  } finally {
    close(dirFd);
  }
}

/** Whether something was changed where an entry has to come back, or where it came from. */
function isTaken(u: Union, changes: Changes, dirFd: number, entry: TrashEntry): boolean {
  const { path, from, metadata } = entry;
  if (!metadata && changes.get(toBytes(path)) !== undefined && !isBack(u, changes, dirFd, entry)) return true;
  if (from === undefined) return false;
  const old = changes.unionPath(toBytes(from));
  if (changes.below(old).next().done === true) return false;
  return changes.targetPath(old) === toBytes(from) && showsBase(u, changes, old);
}

/** Whether a path shows what has to come back there: an undo that was interrupted has brought it back under another name. */
function isBack(u: Union, changes: Changes, dirFd: number, { path, name: aside }: TrashEntry): boolean {
  check(statAt(dirFd, aside, stat), path);
  const { ino } = stat;
  const shown = changes.ifThere(toBytes(path), (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return false;
    u.release(node);
    return node.linkedIno === ino;
  });
  return shown ?? false;
}

/** Whether a path of the mount shows what the bases have there, changed or not. */
function showsBase(u: Union, changes: Changes, path: string): boolean {
  const shows = changes.ifThere(path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return false;
    u.release(node);
    const { upper, record, dir } = node;
    if (!upper || !u.upperNames(parent).has(name)) return true;
    return record?.redirect == null && (dir === null ? record?.cover === false : dir.lowers.length > 0);
  });
  return shows ?? false;
}

function restoreEntry(u: Union, changes: Changes, dirFd: number, entry: TrashEntry): void {
  const path = toBytes(entry.path);
  changes.at(path, (parent, name) => {
    if (entry.metadata) {
      const node = u.lookup(parent, name);
      if (node?.dir == null) return;
      copyUpDir(u, node);
      const place = u.upperPlace(node);
      copyDirMetadata(dirFd, entry.name, place.fd, place.name);
      u.invalidator.inode(node.id, -1, 0);
      u.release(node);
      return;
    }
    const upper = copyUpDir(u, parent);
    removeCleanCopy(u, parent, name);
    if (!entry.whiteout) restoreIndex(u, changes, dirFd, entry);
    check(
      inUpperDir(u, upper, (fd) => renameAt(dirFd, entry.name, fd, name, RENAME_NOREPLACE)),
      entry.path,
    );
    u.upperNames(parent).set(name, { whiteout: entry.whiteout });
    replaceName(u, parent, name);
  });
  changes.touchTreeAt(path);
}

/** Of a base inode with several names, the others show the restored contents again too; from before the first does. */
function restoreIndex(u: Union, changes: Changes, dirFd: number, entry: TrashEntry): void {
  const key = sharedKey(u, changes, dirFd, entry);
  if (key === null || u.indexed.has(key)) return;
  check(linkAt(dirFd, entry.name, u.scratch.indexFd, key), entry.path);
  u.indexed.add(key);
  const node = u.linkedLower.get(key);
  if (node === undefined) return;
  for (const { parent, name } of namesOf(node)) replaceName(u, parent, name);
}

/** Key in the index of the base inode that a file was copied up from, when that has several names. */
function sharedKey(u: Union, changes: Changes, dirFd: number, entry: TrashEntry): string | null {
  check(statAt(dirFd, entry.name, stat), entry.path);
  if (stat.type === S_IFDIR) return null;
  const record = u.scratch.records.getSound(dirFd, entry.name, stat.type, stat.ino);
  if (record === null || record.cover) return null;
  const { layer, ino } = record.origin;
  const basePath = record.redirect ?? changes.basePath(toBytes(entry.path));
  const place = basePath === null ? null : changes.bases.stat(basePath, stat);
  const shared = place?.dir.layer === layer && stat.ino === ino && stat.nlink > 1;
  return shared ? linkKey(layer, stat) : null;
}

/** What is in the scratch but equals the base makes room. */
function removeCleanCopy(u: Union, parent: Node, name: string): void {
  const upper = dirOf(parent).upper;
  if (upper === null || !u.upperNames(parent).has(name)) return;
  check(
    inUpperDir(u, upper, (fd) => unlinkAt(fd, name)),
    name,
  );
  u.upperNames(parent).delete(name);
}

/** When all is back, what was renamed shows in its new place only. */
function hideOldPlaces(u: Union, changes: Changes, entries: readonly TrashEntry[]): void {
  for (const { from, path } of entries) {
    if (from === undefined) continue;
    changes.renameRestored(toBytes(from), toBytes(path));
    for (const { index } of u.layers) u.covered.doubt({ layer: index, path: toBytes(from) });
  }
  for (const { from } of entries) {
    if (from === undefined) continue;
    const old = changes.unionPath(toBytes(from));
    if (changes.targetPath(old) !== toBytes(from) || !showsBase(u, changes, old)) continue;
    changes.at(old, (parent, name) => hide(u, parent, name));
  }
}

function hide(u: Union, parent: Node, name: string): void {
  const upper = copyUpDir(u, parent);
  if (u.upperNames(parent).has(name)) swapForWhiteout(u, upper, name);
  else
    check(
      inUpperDir(u, upper, (fd) => u.scratch.createWhiteout(fd, name)),
      name,
    );
  u.upperNames(parent).set(name, { whiteout: true });
  replaceName(u, parent, name);
}
