import { check, E, FsError } from '../sys/errno';
import {
  chmodAt,
  chownAt,
  close,
  copyFileRange,
  fchmod,
  fchown,
  fdatasync,
  ficlone,
  ftruncate,
  futimens,
  linkAt,
  mkdirAt,
  mknodAt,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  openAt,
  openQuietly,
  pread,
  pwriteAll,
  readlinkAt,
  renameAt,
  symlinkAt,
  unlinkAt,
  utimensAt,
} from '../sys/file';
import { openRegular } from '../sys/regular';
import { S_IFLNK, S_IFREG, SET_ID, Stat, statAt, statFd } from '../sys/stat';
import { setXattrAt } from '../sys/xattr';
import { dataStretches, seekIn } from './holes';
import { LayerDir } from './layer';
import { covering, showsElsewhere } from './linkCounts';
import { linkKey } from './linkKeys';
import type { Node } from './node';
import { originOf, recordOf } from './origin';
import { deltaSource } from './delta/open';
import { dirOf, type Union } from './union';
import { inUpperDir, openUpper, setRecord, writeRecord } from './upperAccess';
import { copyXattrs, readXattr } from './xattrCopy';

const source = new Stat();
const parentStat = new Stat();

/** How much of a base file's bytes a copy-up takes along: none (the bytes stay the base's), or up to a size. */
export type CopiedData = 'none' | number;
export const ALL_DATA = Number.MAX_SAFE_INTEGER;

/** Makes sure that a directory exists in the scratch, with its parents. Changes nothing that users could see. */
export function copyUpDir(u: Union, node: Node): LayerDir {
  const dir = dirOf(node);
  if (dir.upper !== null) return dir.upper;
  if (node.parent === null || node.orphan) throw new FsError(E.ENOENT, node.name);
  const above = copyUpDir(u, node.parent);
  const lower = dir.lowers[0]!;
  const lowerFd = u.dirFds.get(lower);
  check(statFd(lowerFd, source), node.path);
  const temporary = u.scratch.temporaryName();
  const { workFd } = u.scratch;
  check(mkdirAt(workFd, temporary, 0o700), node.path);
  u.scratch.markMerged(workFd, temporary);
  copyMetadata(u, source, lowerFd, '.', temporary);
  placeInUpper(u, node.parent, above, temporary, node.name);
  dir.upper = new LayerDir(0, above, node.name);
  dir.upperNames = new Map();
  node.upper = true;
  // Its removal had begun, but failed.
  u.unpin(node);
  return dir.upper;
}

/**
 * Gives a node an inode in the scratch: built aside, then renamed to its place, so that a crash leaves the base's file
 * or the whole copy. Does nothing to what is there already except, with `data`, bringing in bytes it still lacks.
 *
 * @param data bytes to take along
 */
export function copyUp(u: Union, node: Node, data: CopiedData): void {
  if (node.dir !== null) {
    copyUpDir(u, node);
    return;
  }
  if (node.orphan && !node.upper && !showsElsewhere(u, node)) {
    if (node.orphanFd < 0) copyUpOrphan(u, node, data);
    u.baseOrphans.delete(node);
    return;
  }
  // A block map is found by the record of a file with a name.
  const byBlock =
    data !== 'none' &&
    node.type === S_IFREG &&
    (!node.orphan || !node.upper || node.indexKey !== null) &&
    isKeptByBlock(u, node, data);
  if (!node.upper) copyUpFile(u, node, byBlock ? 'none' : data);
  if (data === 'none' || !node.record?.metacopy) return;
  if (byBlock) startDelta(u, node);
  else bringInData(u, node, data);
  u.baseOrphans.delete(node);
}

/** Whether a base file's bytes are better left where they are: many, and not to be had for nothing by sharing them. */
function isKeptByBlock(u: Union, node: Node, limit: number): boolean {
  if (limit < u.deltaThreshold || node.lowerDir === null) return false;
  const dirFd = u.dirFds.get(node.lowerDir);
  check(statAt(dirFd, node.lowerName, source), node.path);
  return Math.min(source.size, limit) >= u.deltaThreshold && !canClone(u, node);
}

/** Whether the scratch can share blocks with this base file; tried once for each base that cannot. */
function canClone(u: Union, node: Node): boolean {
  const lowerDir = node.lowerDir!;
  if (u.cannotClone.has(lowerDir.layer)) return false;
  const from = openRegular(u.dirFds.get(lowerDir), node.lowerName, O_RDONLY);
  if (from < 0) return false;
  const to = openAt(u.scratch.workFd, '.', O_TMPFILE | O_RDWR, 0o600);
  const result = to < 0 ? to : ficlone(from, to);
  close(from);
  if (to >= 0) close(to);
  if (result < 0) u.cannotClone.add(lowerDir.layer);
  return result === 0;
}

/** Turns a metadata-only copy into a block delta without changed blocks. */
function startDelta(u: Union, node: Node): void {
  u.fileFds.drop(node);
  const { record } = node;
  const delta = u.deltas.create(node, deltaSource(u, node));
  try {
    setRecord(u, node, { ...record!, metacopy: false, delta });
  } catch (error) {
    node.record = record;
    u.deltas.drop(node);
    u.deltas.remove(delta);
    throw error;
  }
  node.unsyncedParents = true;
}

/** The copy of an open file that lost its name is shown under its other names, by the index. */
function copyUpFile(u: Union, node: Node, data: CopiedData): void {
  const above = node.orphan ? null : copyUpDir(u, node.parent!);
  const lowerDir = node.lowerDir!;
  const { workFd } = u.scratch;
  const temporary = u.scratch.temporaryName();
  check(statAt(u.dirFds.get(lowerDir), node.lowerName, source), node.path);
  const stat = Object.assign(new Stat(), source);
  const metacopy = stat.type === S_IFREG && data === 'none';
  const fd = makeInode(u, node, stat, temporary, metacopy ? 'none' : data);
  const key =
    stat.nlink > 1 && stat.dev === u.inodes.device(lowerDir.layer) ? linkKey(lowerDir.layer, stat) : null;
  let filed = false;
  try {
    copyMetadata(u, stat, u.dirFds.get(lowerDir), node.lowerName, temporary);
    const origin = originOf(lowerDir.layer, stat);
    node.record = recordOf(origin, { metacopy });
    writeRecord(u, node, workFd, temporary);
    if (key !== null) {
      check(linkAt(workFd, temporary, u.scratch.indexFd, key), node.path);
      filed = true;
    }
    if (above === null) {
      check(unlinkAt(workFd, temporary), node.path);
      u.looseIndex.add(key!);
    } else {
      covering(u, node, node.parent!, node.name, () =>
        placeInUpper(u, node.parent!, above, temporary, node.name),
      );
    }
    if (key !== null) {
      u.indexed.add(key);
      node.indexKey = key;
      check(statAt(u.scratch.indexFd, key, source), node.path);
      u.linkUpper(node, source.ino);
    }
  } catch (error) {
    node.record = null;
    if (fd >= 0) close(fd);
    unlinkAt(workFd, temporary);
    if (filed) unlinkAt(u.scratch.indexFd, key!);
    throw error;
  }
  node.upper = true;
  node.unsyncedParents = true;
  if (fd >= 0 && !metacopy) u.fileFds.add(node, fd, true);
  else if (fd >= 0) close(fd);
}

/** Gives a copy in the index a name of its own in the scratch, where so far only the base's name shows it. */
export function copyUpName(u: Union, node: Node, parent: Node, name: string): void {
  const key = node.indexKey;
  if (key === null || u.upperNames(parent).has(name)) return;
  const above = copyUpDir(u, parent);
  covering(u, node, parent, name, () =>
    check(
      inUpperDir(u, above, (fd) => linkAt(u.scratch.indexFd, key, fd, name)),
      node.path,
    ),
  );
  u.upperNames(parent).set(name, { whiteout: false });
}

/** A base file whose last name is gone, written by somebody who has it open: its copy needs no name. */
function copyUpOrphan(u: Union, node: Node, data: CopiedData): void {
  const lowerDirFd = u.dirFds.get(node.lowerDir!);
  if (node.type !== S_IFREG) {
    u.pin(node, check(openAt(lowerDirFd, node.lowerName, O_PATH | O_NOFOLLOW), node.name));
    return;
  }
  const lowerFd = check(openRegular(lowerDirFd, node.lowerName, O_RDONLY, openQuietly), node.name);
  const parked = u.canPin ? null : u.scratch.temporaryName();
  const fd = check(makeOrphan(u, parked), node.name);
  try {
    check(statFd(lowerFd, source), node.name);
    const stat = Object.assign(new Stat(), source);
    fillData(lowerFd, fd, Math.min(stat.size, data === 'none' ? stat.size : data));
    const owned = fchown(fd, stat.uid, stat.gid);
    if (owned !== -E.EPERM) check(owned, node.name);
    copyXattrs(lowerFd, '', fd, '');
    check(fchmod(fd, stat.mode & 0o7777), node.name);
    check(futimens(fd, stat.atime, stat.atimeNsec, stat.mtime, stat.mtimeNsec), node.name);
    u.fileFds.drop(node);
    const origin = originOf(node.lowerDir!.layer, stat);
    node.record = recordOf(origin);
    if (parked === null) u.pin(node, fd);
    else u.fileFds.add(node, fd, true);
    node.parkedName = parked;
    node.upper = true;
    u.unlink(node);
  } catch (error) {
    close(fd);
    if (parked !== null) unlinkAt(u.scratch.workFd, parked);
    throw error;
  } finally {
    close(lowerFd);
  }
}

/** @param parked a name in `work/`, by which the file can be opened again; null: the descriptor is kept */
function makeOrphan(u: Union, parked: string | null): number {
  const { workFd } = u.scratch;
  return parked === null
    ? openAt(workFd, '.', O_TMPFILE | O_RDWR, 0o600)
    : openAt(workFd, parked, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600);
}

/** Takes what is open, but has no name any more, out of the bases before they change, unless others removed it there. */
export function copyUpOrphans(u: Union): void {
  for (const node of u.baseOrphans) if (u.statBase(node, source) >= 0) copyUp(u, node, ALL_DATA);
}

/** Makes the bare inode in `work/`; returns its descriptor for a regular file, else -1. */
function makeInode(u: Union, node: Node, stat: Stat, temporary: string, data: CopiedData): number {
  const { workFd } = u.scratch;
  const lowerFd = u.dirFds.get(node.lowerDir!);
  if (stat.type === S_IFLNK) {
    const target = readlinkAt(lowerFd, node.lowerName);
    if (typeof target === 'number') throw new FsError(-target, node.path);
    check(symlinkAt(target, workFd, temporary), node.path);
    return -1;
  }
  if (stat.type !== S_IFREG) {
    check(mknodAt(workFd, temporary, stat.type | 0o600, stat.rdev), node.path);
    return -1;
  }
  const fd = check(openAt(workFd, temporary, O_CREAT | O_EXCL | O_RDWR, 0o600), node.path);
  try {
    if (data === 'none' || data === 0) {
      check(ftruncate(fd, data === 'none' ? stat.size : 0), node.path);
    } else {
      copyData(u, node, fd, Math.min(stat.size, data));
    }
  } catch (error) {
    close(fd);
    unlinkAt(workFd, temporary);
    throw error;
  }
  return fd;
}

/** Copies the base's bytes into a metadata-only copy and then says so, in this order. */
function bringInData(u: Union, node: Node, limit: number): void {
  u.fileFds.drop(node);
  const pinned = node.orphan && node.orphanFd >= 0;
  const fd = pinned ? node.orphanFd : openUpper(u, node);
  const { record } = node;
  try {
    check(statFd(fd, source), node.path);
    const { mode, atime, atimeNsec, mtime, mtimeNsec } = source;
    const capability = readXattr(fd, '', CAPABILITY);
    if (limit === 0) check(ftruncate(fd, 0), node.path);
    else copyData(u, node, fd, Math.min(source.size, limit));
    // Writing took these bits, unless root did it, and capabilities in any case.
    if (mode & SET_ID) check(fchmod(fd, mode & 0o7777), node.path);
    if (capability !== undefined) restoreCapability(fd, capability, node.path);
    check(futimens(fd, atime, atimeNsec, mtime, mtimeNsec), node.path);
    node.record = { ...record!, metacopy: false };
    // It may have other names that are not in memory.
    if (pinned) {
      writeRecord(u, node, fd, '');
      return;
    }
    const { fd: dirFd, name } = u.upperPlace(node);
    writeRecord(u, node, dirFd, name);
    u.fileFds.add(node, fd, true);
  } catch (error) {
    node.record = record;
    if (!pinned) close(fd);
    throw error;
  }
}

const CAPABILITY = 'security.capability';

function restoreCapability(fd: number, capability: Buffer, path: string): void {
  const result = setXattrAt(fd, '', CAPABILITY, capability);
  // An ordinary user cannot give it.
  if (result !== -E.EPERM) check(result, path);
}

function copyData(u: Union, node: Node, fd: number, size: number): void {
  const lowerFd = check(
    openRegular(u.dirFds.get(node.lowerDir!), node.lowerName, O_RDONLY, openQuietly),
    node.path,
  );
  try {
    fillData(lowerFd, fd, size);
    check(fdatasync(fd), node.path);
  } finally {
    close(lowerFd);
  }
}

const COPY_CHUNK = 16 << 20;
const bounce = Buffer.allocUnsafeSlow(1 << 20);

/**
 * Makes the first `size` bytes of `to`, which has none yet, those of `from`: shared where the file system can, holes kept.
 * If it has that size it never has another: a copy of metadata alone shows it while its bytes come.
 *
 * @throws FsError
 */
export function fillData(from: number, to: number, size: number): void {
  check(statFd(from, parentStat), 'copy-up');
  if (ficlone(from, to) === 0) {
    if (parentStat.size !== size) check(ftruncate(to, size), 'copy-up');
    return;
  }
  check(ftruncate(to, size), 'copy-up');
  for (const { start, end } of dataStretches(seekIn(from), 0, size)) copyRange(from, to, start, end);
}

/** Copies the bytes from `start` to `end` to the same place of another file. @throws FsError */
export function copyRange(from: number, to: number, start: number, end: number): void {
  for (let at = start; at < end;) {
    const length = Math.min(end - at, COPY_CHUNK);
    let copied = copyFileRange(from, at, to, at, length);
    if (copied < 0) {
      copied = check(pread(from, bounce, Math.min(length, bounce.length), at), 'copy-up');
      check(pwriteAll(to, bounce, copied, at), 'copy-up');
    }
    // The base's file became shorter meanwhile: what is missing stays zero.
    if (copied === 0) return;
    at += copied;
  }
}

/** Owner before attributes and mode (changing it drops capabilities and setuid), times last. */
function copyMetadata(u: Union, stat: Stat, fromFd: number, fromName: string, temporary: string): void {
  const { workFd } = u.scratch;
  // An ordinary user owns what it copies; users of the mount who may not write never get here.
  const owned = chownAt(workFd, temporary, stat.uid, stat.gid);
  if (owned < 0 && owned !== -E.EPERM) check(owned, temporary);
  copyXattrs(fromFd, fromName, workFd, temporary);
  if (stat.type !== S_IFLNK) check(chmodAt(workFd, temporary, stat.mode & 0o7777), temporary);
  check(utimensAt(workFd, temporary, stat.atime, stat.atimeNsec, stat.mtime, stat.mtimeNsec), temporary);
}

/** Renames something from `work/` into an upper directory, whose times stay as they were: nobody changed it. */
function placeInUpper(u: Union, parent: Node, above: LayerDir, temporary: string, name: string): void {
  const fd = u.dirFds.get(above);
  check(statFd(fd, parentStat), name);
  const { atime, atimeNsec, mtime, mtimeNsec } = parentStat;
  check(
    inUpperDir(u, above, (dirFd) => renameAt(u.scratch.workFd, temporary, dirFd, name)),
    name,
  );
  u.upperNames(parent).set(name, { whiteout: false });
  utimensAt(fd, '.', atime, atimeNsec, mtime, mtimeNsec);
}
