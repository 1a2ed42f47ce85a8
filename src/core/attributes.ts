import { check, E, FsError } from '../sys/errno';
import {
  chmodAt,
  chownAt,
  fchmod,
  fchown,
  futimens,
  readlinkAt,
  UTIME_NOW,
  UTIME_OMIT,
  utimensAt,
} from '../sys/file';
import { S_IFDIR, S_IFLNK, S_IFREG, Stat, statFd } from '../sys/stat';
import { copyUp } from './copyup';
import { truncate } from './data';
import type { AttrChange, Time } from './filesystem';
import { unionLinks } from './linkCounts';
import type { Node } from './node';
import { dirOf, type Union } from './union';

const lower = new Stat();
const KEEP = 0xffffffff;

/** Attributes as users of the mount see them. */
export function getattr(u: Union, node: Node, out: Stat): void {
  if (!u.takeFresh(node, out)) u.statBacking(node, out);
  if (node.dir !== null) directoryAttributes(u, node, out);
  else if (node.upper) upperFileAttributes(u, node, out);
  else {
    node.seenSize = out.size;
    node.seenMtime = out.mtime * 1e9 + out.mtimeNsec;
    out.ino = u.inodes.of(out.dev, out.ino);
    if (out.nlink > 1 || node.orphan) out.nlink = unionLinks(u, node, out.nlink);
  }
}

/** A directory keeps its base's inode number; a merged one has no meaningful link count, which 1 says to `find`. */
function directoryAttributes(u: Union, node: Node, out: Stat): void {
  const { upper, lowers } = dirOf(node);
  const first = lowers[0];
  if (node.orphan) out.nlink = 0;
  if (upper !== null && first !== undefined && !node.orphan) {
    check(statFd(u.dirFds.get(first), lower), node.path);
    out.ino = u.inodes.of(lower.dev, lower.ino);
    out.nlink = 1;
    return;
  }
  out.ino = u.inodes.of(out.dev, out.ino);
  if (lowers.length > 1 && !node.orphan) out.nlink = 1;
}

function upperFileAttributes(u: Union, node: Node, out: Stat): void {
  const { record } = node;
  const sparse = record !== null && (record.metacopy || (record.delta !== null && !node.orphan));
  if (sparse && u.statBase(node, lower) === 0) out.blocks = Math.max(out.blocks, lower.blocks);
  out.nlink = unionLinks(u, node, out.nlink);
  if (record === null || record.cover) out.ino = u.inodes.of(out.dev, out.ino);
  else out.ino = u.inodes.of(u.inodes.device(record.origin.layer), record.origin.ino);
}

/** Changes attributes; see `FileSystem.setattr`. */
export function setattr(u: Union, node: Node, change: AttrChange): void {
  if (change.size !== undefined) truncate(u, node, change.size);
  const { mode, uid, gid, atime, mtime } = change;
  const rest = [mode, uid, gid, atime, mtime].some((value) => value !== undefined);
  if (!rest) return;
  if (node.type === S_IFLNK && mode !== undefined) throw new FsError(E.EOPNOTSUPP, node.path);
  copyUp(u, node, 'none');
  if (uid !== undefined || gid !== undefined) chown(u, node, uid ?? KEEP, gid ?? KEEP);
  if (mode !== undefined) chmod(u, node, mode & 0o7777);
  if (atime !== undefined || mtime !== undefined) utimes(u, node, atime, mtime);
  u.observer.touchNode(node);
}

function chown(u: Union, node: Node, uid: number, gid: number): void {
  if (node.orphanFd >= 0) {
    check(fchown(node.orphanFd, uid, gid), node.name);
    return;
  }
  const { fd, name } = u.upperPlace(node);
  check(chownAt(fd, name, uid, gid), node.path);
}

function chmod(u: Union, node: Node, mode: number): void {
  if (node.orphanFd >= 0) {
    check(fchmod(node.orphanFd, mode), node.name);
    return;
  }
  const { fd, name } = u.upperPlace(node);
  check(chmodAt(fd, name, mode), node.path);
}

function utimes(u: Union, node: Node, atime?: Time | 'now', mtime?: Time | 'now'): void {
  const a = encode(atime);
  const m = encode(mtime);
  if (node.orphanFd >= 0) {
    // A descriptor of anything else is opened for its identity only and takes no times.
    if (node.type === S_IFREG || node.type === S_IFDIR)
      check(futimens(node.orphanFd, a.sec, a.nsec, m.sec, m.nsec), node.name);
    return;
  }
  const { fd, name } = u.upperPlace(node);
  check(utimensAt(fd, name, a.sec, a.nsec, m.sec, m.nsec), node.path);
}

function encode(time: Time | 'now' | undefined): Time {
  if (time === undefined) return { sec: 0, nsec: UTIME_OMIT };
  if (time === 'now') return { sec: 0, nsec: UTIME_NOW };
  return time;
}

export function readlink(u: Union, node: Node): string {
  if (node.type !== S_IFLNK) throw new FsError(E.EINVAL, node.path);
  let target: string | number;
  if (node.orphanFd >= 0) target = readlinkAt(node.orphanFd, '');
  else if (node.upper) {
    const { fd, name } = u.upperPlace(node);
    target = readlinkAt(fd, name);
  } else target = readlinkAt(u.dirFds.get(node.lowerDir!), node.lowerName);
  if (typeof target === 'number') throw new FsError(-target, node.path);
  return target;
}
