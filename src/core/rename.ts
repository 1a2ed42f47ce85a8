import { check, E, FsError } from '../sys/errno';
import { mkdirAt, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, renameAt, unlinkAt } from '../sys/file';
import { Stat, statFd } from '../sys/stat';
import { copyUp, copyUpDir, copyUpName } from './copyup';
import { inUpperDir, setRecord } from './upperAccess';
import type { LayerDir } from './layer';
import { covering } from './linkCounts';
import { isEmpty } from './listing';
import type { Node } from './node';
import {
  forgetInode,
  hidesLower,
  isForgettable,
  keepOrigin,
  nameAdded,
  nameRemoved,
  nodeLosesName,
  originPath,
  pinOrphan,
  rememberCovered,
} from './names';
import { originOf, recordOf } from './origin';
import { forgetCoveredAt, noteSeen, type Place, seenAt } from './seen';
import { removeTree } from './scratch';
import { dirOf, type Union } from './union';

/** Renames or exchanges; see `FileSystem.rename`. A base directory moves by a redirect, whatever its size. */
export function rename(
  u: Union,
  parent: Node,
  name: string,
  newParent: Node,
  newName: string,
  flags: number,
): void {
  if (flags !== 0 && flags !== RENAME_NOREPLACE && flags !== RENAME_EXCHANGE) {
    throw new FsError(E.EINVAL, name);
  }
  const from: Place = { parent, name };
  const to: Place = { parent: newParent, name: newName };
  const node = u.lookup(parent, name);
  if (node === null || newParent.orphan) throw new FsError(E.ENOENT, name);
  const target = u.lookup(newParent, newName);
  if (isAncestor(node, newParent)) throw new FsError(E.EINVAL, node.path);
  if (flags === RENAME_EXCHANGE) {
    if (target === null) throw new FsError(E.ENOENT, newName);
    if (isAncestor(target, parent)) throw new FsError(E.EINVAL, target.path);
    if (node !== target) exchange(u, node, from, target, to);
    return;
  }
  if (target !== null && flags === RENAME_NOREPLACE) throw new FsError(E.EEXIST, target.path);
  if (node === target) return;
  if (target !== null) requireReplaceable(u, node, target);
  move(u, node, from, target, to);
}

function isAncestor(node: Node, below: Node): boolean {
  for (let at: Node | null = below; at !== null; at = at.parent) if (at === node) return true;
  return false;
}

function requireReplaceable(u: Union, node: Node, target: Node): void {
  if (target.dir === null) {
    if (node.dir !== null) throw new FsError(E.ENOTDIR, target.path);
    return;
  }
  if (node.dir === null) throw new FsError(E.EISDIR, target.path);
  if (!isEmpty(u, target)) throw new FsError(E.ENOTEMPTY, target.path);
}

function move(u: Union, node: Node, from: Place, target: Node | null, to: Place): void {
  const seenUntil = seenAt(u, target, to);
  prepare(u, node, from, to);
  const fromDir = copyUpDir(u, from.parent);
  const toDir = copyUpDir(u, to.parent);
  const leavesWhiteout = hidesLower(u, from.parent, from.name);
  if (target !== null) {
    if (target.indexKey === null && !target.aliases?.length) pinOrphan(u, target);
    if (target.dir?.upper) clearUpperDir(u, target, toDir, to.name);
  }
  const forgettable =
    target !== null && u.upperNames(to.parent).has(to.name) && isForgettable(u, target) ? target : null;
  const overWhiteout = u.upperNames(to.parent).get(to.name)?.whiteout === true;
  covering(u, target, to.parent, to.name, () => {
    if (node.dir !== null && overWhiteout)
      swapWithWhiteout(u, fromDir, from.name, toDir, to.name, leavesWhiteout);
    else renameInUpper(u, fromDir, from.name, toDir, to.name, leavesWhiteout);
  });

  if (forgettable !== null) forgetInode(u, forgettable);
  if (target !== null) {
    nodeLosesName(u, target, to.parent, to.name);
  }
  moveInMemory(u, node, from, to);
  nameRemoved(u, from.parent, from.name, leavesWhiteout);
  nameAdded(u, to.parent, to.name);
  renewCover(u, node, to, seenUntil);
  touchMoved(u, node, from, to);
  node.unsyncedParents = true;
}

function exchange(u: Union, node: Node, from: Place, target: Node, to: Place): void {
  const seenUntil = seenAt(u, target, to);
  const targetUntil = seenAt(u, node, from);
  prepare(u, node, from, to);
  prepare(u, target, to, from);
  const fromDir = copyUpDir(u, from.parent);
  const toDir = copyUpDir(u, to.parent);
  check(
    inBoth(u, fromDir, toDir, (fromFd, toFd) => renameAt(fromFd, from.name, toFd, to.name, RENAME_EXCHANGE)),
    node.path,
  );
  u.detach(from.parent, from.name);
  moveInMemory(u, target, to, from);
  moveInMemory(u, node, from, to);
  nameAdded(u, from.parent, from.name);
  nameAdded(u, to.parent, to.name);
  renewCover(u, node, to, seenUntil);
  renewCover(u, target, from, targetUntil);
  touchMoved(u, node, from, to);
  touchMoved(u, target, to, from);
}

/** What an entry replaces is another base entry at its new place, or none. @param seenUntil see {@link seenAt} */
function renewCover(u: Union, node: Node, place: Place, seenUntil: number | null): void {
  if (node.dir === null && seenUntil !== null) noteSeen(u, node, place, seenUntil);
  if (node.record !== null && !node.record.cover) return;
  if (node.record !== null) setRecord(u, node, null);
  if (node.dir === null) rememberCovered(u, node);
}

/** What is listed below a directory's old path is there no longer, also when another directory is. */
function touchMoved(u: Union, node: Node, from: Place, to: Place): void {
  if (node.dir === null) return;
  u.observer.touchTree(from.parent, from.name);
  u.observer.touchTree(to.parent, to.name);
  // Copies that show below it under names that the scratch does not have.
  for (const key of u.indexed) u.looseIndex.add(key);
}

/** Brings a node into the scratch with all that lets it stand at another place. */
function prepare(u: Union, node: Node, from: Place, to: Place): void {
  copyUp(u, node, 'none');
  copyUpName(u, node, from.parent, from.name);
  if (node.dir === null) {
    keepOrigin(u, node);
    forgetCoveredAt(u, node);
    return;
  }
  const dir = dirOf(node);
  if (dir.lowers.length > 0) redirect(u, node);
  else if (!dir.opaque && hidesLower(u, to.parent, to.name)) {
    const above = copyUpDir(u, from.parent);
    u.scratch.setOpaque(u.dirFds.get(above), from.name);
    dir.opaque = true;
  }
}

const stat = new Stat();

/** Lets a merged directory find its base's side from wherever it goes. */
function redirect(u: Union, node: Node): void {
  if (node.record?.redirect != null) return;
  const path = originPath(node);
  if (path === null) return;
  const { lowers } = dirOf(node);
  const first = lowers[0]!;
  check(statFd(u.dirFds.get(first), stat), node.path);
  setRecord(u, node, recordOf(originOf(first.layer, stat), { redirect: path }));
}

function inBoth(
  u: Union,
  fromDir: LayerDir,
  toDir: LayerDir,
  call: (fromFd: number, toFd: number) => number,
): number {
  return inUpperDir(u, fromDir, (fromFd) => inUpperDir(u, toDir, (toFd) => call(fromFd, toFd)));
}

function renameInUpper(
  u: Union,
  fromDir: LayerDir,
  name: string,
  toDir: LayerDir,
  newName: string,
  leavesWhiteout: boolean,
): void {
  if (!leavesWhiteout) {
    check(
      inBoth(u, fromDir, toDir, (fromFd, toFd) => renameAt(fromFd, name, toFd, newName)),
      name,
    );
    return;
  }
  const atOnce = u.scratch.xattrWhiteouts
    ? -E.EINVAL
    : inBoth(u, fromDir, toDir, (fromFd, toFd) => renameAt(fromFd, name, toFd, newName, RENAME_WHITEOUT));
  if (atOnce !== -E.EINVAL && atOnce !== -E.EPERM) {
    check(atOnce, name);
    return;
  }
  // This file system cannot leave a whiteout behind. In this order a crash between the two steps loses nothing: the
  // base's entry shows again under its old name.
  check(
    inBoth(u, fromDir, toDir, (fromFd, toFd) => renameAt(fromFd, name, toFd, newName)),
    name,
  );
  check(
    inUpperDir(u, fromDir, (fd) => u.scratch.createWhiteout(fd, name)),
    name,
  );
}

function swapWithWhiteout(
  u: Union,
  fromDir: LayerDir,
  name: string,
  toDir: LayerDir,
  newName: string,
  leavesWhiteout: boolean,
): void {
  check(
    inBoth(u, fromDir, toDir, (fromFd, toFd) => renameAt(fromFd, name, toFd, newName, RENAME_EXCHANGE)),
    name,
  );
  if (!leavesWhiteout) inUpperDir(u, fromDir, (fd) => unlinkAt(fd, name));
}

/** Makes an upper directory that shows no entry really empty, so that another can be renamed over it. */
function clearUpperDir(u: Union, node: Node, above: LayerDir, name: string): void {
  if (u.upperNames(node).size === 0) return;
  const { scratch } = u;
  const temporary = scratch.temporaryName();
  check(mkdirAt(scratch.workFd, temporary, 0o700), node.path);
  scratch.setOpaque(scratch.workFd, temporary);
  const result = inUpperDir(u, above, (fd) => renameAt(scratch.workFd, temporary, fd, name, RENAME_EXCHANGE));
  removeTree(scratch.workFd, temporary);
  check(result, node.path);
  const dir = dirOf(node);
  u.dirFds.drop(dir.upper!);
  dir.upperNames = new Map();
  dir.lowers = [];
  dir.opaque = true;
}

function moveInMemory(u: Union, node: Node, from: Place, to: Place): void {
  const known = dirOf(from.parent).children;
  if (known.get(from.name) === node) known.delete(from.name);
  if (node.parent === from.parent && node.name === from.name) {
    u.attach(node, to.parent, to.name);
    return;
  }
  const alias = node.aliases?.find((each) => each.parent === from.parent && each.name === from.name);
  if (alias !== undefined) {
    alias.parent = to.parent;
    alias.name = to.name;
  }
  dirOf(to.parent).children.set(to.name, node);
}
