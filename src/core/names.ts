import { check, E, FsError } from '../sys/errno';
import {
  AT_REMOVEDIR,
  linkAt,
  linkFd,
  mkdirAt,
  mknodAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  openAt,
  RENAME_EXCHANGE,
  renameAt,
  symlinkAt,
  unlinkAt,
} from '../sys/file';
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Stat, statAt } from '../sys/stat';
import { copyUp, copyUpDir } from './copyup';
import { originOf, recordOf } from './origin';
import { inUpperDir, openUpper, setRecord } from './upperAccess';
import { damageOf } from './delta/open';
import type { Caller } from './filesystem';
import type { LayerDir } from './layer';
import { covering } from './linkCounts';
import { isEmpty } from './listing';
import { heritageOf, makeUnderAcl, own } from './newInode';
import { type DirState, joinPath, type Node } from './node';
import { carriesRecord } from './record';
import { forgetCoveredAt, noteSeen, seenAt } from './seen';
import { removeTree } from './scratch';
import { dirOf, type Union } from './union';

const NAME_MAX = 255;

/**
 * Makes the inode of a new entry at a place that is free; returns 0 (or a descriptor to keep) or a negative errno.
 *
 * @param permissions as in a mode
 */
type Maker = (dirFd: number, name: string, permissions: number) => number;

/** Creates a file, device, fifo or socket; see `FileSystem.mknod`. */
export function mknod(
  u: Union,
  parent: Node,
  name: string,
  mode: number,
  rdev: number,
  caller: Caller,
): Node {
  const type = mode & S_IFMT || S_IFREG;
  // The upper tree reads this device as a whiteout; kernel overlayfs refuses it too.
  if (type === S_IFCHR && rdev === 0) throw new FsError(E.EPERM, name);
  if (type !== S_IFREG) {
    return create(u, parent, name, type, mode, caller, (fd, at, permissions) =>
      mknodAt(fd, at, type | permissions, rdev),
    );
  }
  let opened = -1;
  const node = create(u, parent, name, S_IFREG, mode, caller, (fd, at, permissions) => {
    opened = openAt(fd, at, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, permissions);
    return Math.min(opened, 0);
  });
  u.fileFds.add(node, opened, true);
  return node;
}

export function mkdir(u: Union, parent: Node, name: string, mode: number, caller: Caller): Node {
  return create(u, parent, name, S_IFDIR, mode, caller, mkdirAt);
}

export function symlink(u: Union, parent: Node, name: string, target: string, caller: Caller): Node {
  return create(u, parent, name, S_IFLNK, 0o777, caller, (fd, at) => symlinkAt(target, fd, at));
}

function create(
  u: Union,
  parent: Node,
  name: string,
  type: number,
  mode: number,
  caller: Caller,
  make: Maker,
): Node {
  requireFree(u, parent, name);
  const above = copyUpDir(u, parent);
  const whiteout = u.upperNames(parent).get(name)?.whiteout === true;
  const heritage = heritageOf(u.dirFds.get(above), mode, caller);
  const finish = (fd: number, at: string): number => {
    const result = make(fd, at, heritage.permissions);
    return result < 0 ? result : own(fd, at, type, heritage);
  };
  if (whiteout) replaceWhiteout(u, parent, above, name, type, heritage.acl, finish);
  else
    check(
      inUpperDir(u, above, (fd) => finish(fd, name)),
      name,
    );
  const node = u.addUpper(parent, name, type);
  if (!carriesRecord(type)) forgetNamesake(u, node);
  if (node.dir !== null) {
    node.dir.opaque = whiteout;
    node.dir.upperNames = new Map();
  }
  if (whiteout) rememberCovered(u, node);
  nameAdded(u, parent, name);
  // What is listed below a directory that was removed is there no longer.
  if (node.dir !== null) u.observer.touchTree(parent, name);
  return node;
}

/** A crash may have left the record of an earlier inode of the same number. */
function forgetNamesake(u: Union, node: Node): void {
  if (u.scratch.records.isEmpty) return;
  const { fd, name } = u.upperPlace(node);
  check(statAt(fd, name, covered), name);
  u.scratch.records.forget(covered.ino);
}

function requireFree(u: Union, parent: Node, name: string): void {
  if (name.length > NAME_MAX) throw new FsError(E.ENAMETOOLONG, name);
  if (parent.orphan) throw new FsError(E.ENOENT, name);
  if (u.lookup(parent, name) !== null) throw new FsError(E.EEXIST, name);
}

/** Builds the entry aside and puts it in the place of a whiteout in one step. */
function replaceWhiteout(
  u: Union,
  parent: Node,
  above: LayerDir,
  name: string,
  type: number,
  acl: Buffer | undefined,
  make: (dirFd: number, name: string) => number,
): void {
  const { scratch } = u;
  const temporary = scratch.temporaryName();
  if (acl === undefined) check(make(scratch.workFd, temporary), name);
  else
    makeUnderAcl(u, acl, (fd) => {
      check(make(fd, temporary), name);
      check(renameAt(fd, temporary, scratch.workFd, temporary), name);
    });
  const isDirectory = type === S_IFDIR;
  if (isDirectory) scratch.setOpaque(scratch.workFd, temporary);
  const result = inUpperDir(u, above, (fd) =>
    renameAt(scratch.workFd, temporary, fd, name, isDirectory ? RENAME_EXCHANGE : 0),
  );
  if (isDirectory || result < 0) removeTree(scratch.workFd, temporary);
  check(result, joinPath(parent.path, name));
}

const covered = new Stat();

/** Notes which base entry a new one replaces, so that a commit notices when that one moved meanwhile. */
export function rememberCovered(u: Union, node: Node): void {
  // A new record would make what is damaged look sound; that of a file with several names would speak of one.
  if (node.parent === null || node.damage !== null || node.linkedIno > 0) return;
  const lower = u.firstWith(dirOf(node.parent).lowers, node.name, covered);
  if (lower !== undefined) setRecord(u, node, recordOf(originOf(lower.layer, covered), { cover: true }));
}

/** Books a name that came to be in the upper directory. */
export function nameAdded(u: Union, parent: Node, name: string): void {
  u.upperNames(parent).set(name, { whiteout: false });
  dirOf(parent).listing?.add(name);
  u.observer.touchName(parent, name);
}

/** Books a name that is gone, with or without a whiteout in its place. */
export function nameRemoved(u: Union, parent: Node, name: string, whiteout: boolean): void {
  const names = u.upperNames(parent);
  if (whiteout) names.set(name, { whiteout: true });
  else names.delete(name);
  dirOf(parent).listing?.remove(name);
  u.observer.touchName(parent, name);
}

/** Gives a file one more name; see `FileSystem.link`. */
export function link(u: Union, node: Node, parent: Node, name: string): void {
  requireFree(u, parent, name);
  if (node.dir !== null) throw new FsError(E.EPERM, node.path);
  if (node.orphan) {
    linkTmpfile(u, node, parent, name);
    return;
  }
  copyUp(u, node, 'none');
  keepOrigin(u, node);
  // What its first name replaced, this one does not.
  if (node.record?.cover) setRecord(u, node, null);
  forgetCoveredAt(u, node);
  const seenUntil = seenAt(u, null, { parent, name });
  const above = copyUpDir(u, parent);
  const from = u.upperPlace(node);
  const temporary = u.scratch.temporaryName();
  check(linkAt(from.fd, from.name, u.scratch.workFd, temporary), node.path);
  const result = inUpperDir(u, above, (fd) => renameAt(u.scratch.workFd, temporary, fd, name));
  if (result < 0) unlinkAt(u.scratch.workFd, temporary);
  check(result, name);
  check(statAt(u.dirFds.get(above), name, covered), name);
  u.linkUpper(node, covered.ino);
  (node.aliases ??= []).push({ parent, name });
  dirOf(parent).children.set(name, node);
  if (seenUntil !== null) noteSeen(u, node, { parent, name }, seenUntil);
  nameAdded(u, parent, name);
  u.observer.touchNode(node);
}

/** Gives a file its first name, once: one that lost its last name gets no other. */
function linkTmpfile(u: Union, node: Node, parent: Node, name: string): void {
  if (!node.linkable) throw new FsError(E.ENOENT, node.name);
  const above = copyUpDir(u, parent);
  const whiteout = u.upperNames(parent).get(name)?.whiteout === true;
  const { workFd } = u.scratch;
  const temporary = u.scratch.temporaryName();
  if (whiteout) check(linkFd(node.orphanFd, workFd, temporary), name);
  check(
    inUpperDir(u, above, (fd) =>
      whiteout ? renameAt(workFd, temporary, fd, name) : linkFd(node.orphanFd, fd, name),
    ),
    name,
  );
  node.linkable = false;
  node.orphan = false;
  u.fileFds.add(node, u.takePin(node), true);
  u.attach(node, parent, name);
  nameAdded(u, parent, name);
  if (whiteout) rememberCovered(u, node);
}

/** Writes down where a copied-up file comes from, before it goes by another name. */
export function keepOrigin(u: Union, node: Node): void {
  const { record } = node;
  if (record === null || record.cover || record.redirect !== null) return;
  const redirect = originPath(node);
  if (redirect === null) return;
  setRecord(u, node, { ...record, redirect });
  // Under its other names, too, the record leads elsewhere now.
  u.observer.touchNode(node);
}

/** The path in the bases of what a node in its own place stands on; null for what was created here. */
export function originPath(node: Node): string | null {
  if (node.parent === null) return '';
  if (node.record?.redirect != null) return node.record.redirect;
  const above = originPath(node.parent);
  return above === null ? null : joinPath(above, node.name);
}

/** Removes a name of something that is no directory. */
export function unlink(u: Union, parent: Node, name: string): void {
  const node = u.lookup(parent, name);
  if (node === null) throw new FsError(E.ENOENT, name);
  if (node.dir !== null) throw new FsError(E.EISDIR, node.path);
  const hasLower = hidesLower(u, parent, name);
  const upperEntry = u.upperNames(parent).has(name);
  const forgettable = upperEntry && isForgettable(u, node);
  if (upperEntry && !isNamedTwice(node)) pinOrphan(u, node);
  const above = copyUpDir(u, parent);
  if (hasLower)
    covering(u, node, parent, name, () =>
      check(
        inUpperDir(u, above, (fd) => putWhiteout(u, fd, name, upperEntry)),
        name,
      ),
    );
  else if (upperEntry)
    check(
      inUpperDir(u, above, (fd) => unlinkAt(fd, name)),
      name,
    );
  if (forgettable) forgetInode(u, node);
  nodeLosesName(u, node, parent, name);
  nameRemoved(u, parent, name, hasLower);
}

/** Removes an empty directory. */
export function rmdir(u: Union, parent: Node, name: string): void {
  const node = u.lookup(parent, name);
  if (node === null) throw new FsError(E.ENOENT, name);
  const dir = dirOf(node);
  if (!isEmpty(u, node)) throw new FsError(E.ENOTEMPTY, node.path);
  const hasLower = hidesLower(u, parent, name);
  const above = copyUpDir(u, parent);
  const upperEntry = dir.upper !== null;
  pinOrphan(u, node);
  if (hasLower && upperEntry) swapForWhiteout(u, above, name);
  else if (hasLower)
    check(
      inUpperDir(u, above, (fd) => u.scratch.createWhiteout(fd, name)),
      name,
    );
  else removeUpperDir(u, above, name);
  nodeLosesName(u, node, parent, name);
  nameRemoved(u, parent, name, hasLower);
}

/** Whether a base shows an entry of this name here when the upper one is gone. */
export function hidesLower(u: Union, parent: Node, name: string): boolean {
  return u.statLower(parent, name, covered) === 0;
}

function putWhiteout(u: Union, dirFd: number, name: string, replace: boolean): number {
  if (!replace) return u.scratch.createWhiteout(dirFd, name);
  u.scratch.replaceByWhiteout(dirFd, name);
  return 0;
}

/** A whiteout takes the place of an entry in one step; a directory, with what is in it, is cleared aside. */
export function swapForWhiteout(u: Union, above: LayerDir, name: string): void {
  const { scratch } = u;
  const temporary = scratch.temporaryName();
  check(scratch.createWhiteout(scratch.workFd, temporary), name);
  const result = inUpperDir(u, above, (fd) => renameAt(scratch.workFd, temporary, fd, name, RENAME_EXCHANGE));
  removeTree(scratch.workFd, temporary);
  check(result, name);
}

function removeUpperDir(u: Union, above: LayerDir, name: string): void {
  const result = inUpperDir(u, above, (fd) => unlinkAt(fd, name, AT_REMOVEDIR));
  if (result !== -E.ENOTEMPTY && result !== -E.EEXIST) {
    check(result, name);
    return;
  }
  const temporary = u.scratch.temporaryName();
  check(
    inUpperDir(u, above, (fd) => renameAt(fd, name, u.scratch.workFd, temporary)),
    name,
  );
  removeTree(u.scratch.workFd, temporary);
}

function isNamedTwice(node: Node): boolean {
  return node.indexKey !== null || (node.aliases !== null && node.aliases.length > 0);
}

/** Keeps the inode of something that is about to lose its last name, for those who may have it open. */
export function pinOrphan(u: Union, node: Node): void {
  if (node.lookups === 0 || node.orphanFd >= 0) return;
  if (node.dir !== null) {
    u.pin(node, openDirectory(u, node.dir));
    return;
  }
  if (!node.upper) return;
  // Opened now, as an unlinked block map cannot be opened later.
  damageOf(u, node);
  if (node.type === S_IFREG) {
    if (u.canPin || node.record?.delta != null) pinFile(u, node);
    else park(u, node);
    return;
  }
  const { fd, name } = u.upperPlace(node);
  u.pin(node, check(openAt(fd, name, O_PATH | O_NOFOLLOW), node.path));
}

function pinFile(u: Union, node: Node): void {
  u.pin(node, u.fileFds.get(node, true) === undefined ? openUpper(u, node) : u.fileFds.take(node)!);
}

/** Gives the inode one more name where nobody sees it; the next start would delete it. */
function park(u: Union, node: Node): void {
  if (node.parkedName !== null) return;
  const { fd, name } = u.upperPlace(node);
  const parked = u.scratch.temporaryName();
  check(linkAt(fd, name, u.scratch.workFd, parked), node.path);
  node.parkedName = parked;
}

/** Opens what a directory's attributes are taken from; a base's never so that it could be changed. */
function openDirectory(u: Union, { upper, lowers }: DirState): number {
  const fd = u.dirFds.get(upper ?? lowers[0]!);
  const opened = upper === null ? -E.EACCES : openAt(fd, '.', O_RDONLY | O_DIRECTORY);
  return opened === -E.EACCES ? openAt(fd, '.', O_PATH | O_DIRECTORY) : opened;
}

/** Whether the scratch keeps facts beside a file's inode that have no use when the one name it has left goes. */
export function isForgettable(u: Union, node: Node): boolean {
  if (node.recordIno === 0 && node.record?.delta == null) return false;
  const { fd, name } = u.upperPlace(node);
  check(statAt(fd, name, covered), node.path);
  return covered.nlink === 1;
}

/** Deletes what the scratch kept beside an inode that is gone. */
export function forgetInode(u: Union, node: Node): void {
  if (node.recordIno > 0) u.scratch.records.forget(node.recordIno);
  if (node.record?.delta != null) u.deltas.remove(node.record.delta);
}

/** Takes one of a node's names away from it in memory. */
export function nodeLosesName(u: Union, node: Node, parent: Node, name: string): void {
  if (node.indexKey !== null) u.looseIndex.add(node.indexKey);
  u.detach(parent, name);
  if (node.aliases !== null) {
    node.aliases = node.aliases.filter((alias) => alias.parent !== parent || alias.name !== name);
    if (node.parent === parent && node.name === name) {
      const next = node.aliases.shift();
      if (next !== undefined) {
        node.parent = next.parent;
        node.name = next.name;
        return;
      }
    } else return;
  }
  node.orphan = true;
  const needsBase = node.dir === null && (!node.upper || node.record?.metacopy === true);
  if (needsBase && node.lookups > 0) u.baseOrphans.add(node);
  u.release(node);
}
