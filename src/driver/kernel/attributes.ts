import type { AttrChange, Time } from '../../core/filesystem';
import type { Node } from '../../core/node';
import type { StatFs } from '../../sys/file';
import type { Exchange, Handler } from './exchange';
import { Opcode, SetattrFlag, SetattrIn, StatfsOut } from './protocol';

const PERMISSIONS = 0o7777;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o0010;

/** What the kernel sends of its own accord to bring a node's times up to date; ctime nobody can set. */
const TIMES_WRITEBACK = SetattrFlag.MTIME | SetattrFlag.CTIME;
const MEANINGFUL =
  SetattrFlag.MODE |
  SetattrFlag.UID |
  SetattrFlag.GID |
  SetattrFlag.SIZE |
  SetattrFlag.ATIME |
  SetattrFlag.MTIME |
  SetattrFlag.MTIME_NOW |
  SetattrFlag.CTIME;

function getattr(x: Exchange): number {
  return x.attributes(x.node);
}

function setattr(x: Exchange): number {
  const node = x.node;
  const valid = x.request.u32(SetattrIn.valid);
  const change = requestedChange(x, valid);
  const { mtime } = change;
  // With the writeback cache the kernel sends the times of a regular file after each rename, link and unlink too:
  // passing that on would copy up a file of which nothing changed but its name.
  if ((valid & MEANINGFUL) !== TIMES_WRITEBACK || !hasMtime(x, node)) apply(x, node, valid, change);
  if (typeof mtime === 'object') x.times.note(node.id, mtime);
  return x.attributes(node);
}

function apply(x: Exchange, node: Node, valid: number, change: AttrChange): void {
  if ((valid & SetattrFlag.KILL_SUIDGID) !== 0) {
    const mode = modeWithoutSetId(x, node, change.mode);
    if (mode !== undefined) change.mode = mode;
  }
  if (change.size !== undefined && change.mtime === undefined) {
    // Of a file that is cut to the size that it has, the kernel leaves the time as it is.
    const known = mtimeOf(x, node);
    if (x.stat.size === change.size) change.mtime = known;
  }
  x.fs.setattr(node, change);
}

function hasMtime(x: Exchange, node: Node): boolean {
  const known = mtimeOf(x, node);
  const { sec, nsec } = time(x, SetattrIn.mtime, SetattrIn.mtimensec);
  return known.sec === sec && known.nsec === nsec;
}

function mtimeOf(x: Exchange, node: Node): Time {
  x.fs.getattr(node, x.stat);
  return { sec: x.stat.mtime, nsec: x.stat.mtimeNsec };
}

function requestedChange(x: Exchange, valid: number): AttrChange {
  const { request } = x;
  const has = (flag: number): boolean => (valid & flag) !== 0;
  const change: AttrChange = {};
  if (has(SetattrFlag.MODE)) change.mode = request.u32(SetattrIn.mode) & PERMISSIONS;
  if (has(SetattrFlag.UID)) change.uid = request.u32(SetattrIn.uid);
  if (has(SetattrFlag.GID)) change.gid = request.u32(SetattrIn.gid);
  if (has(SetattrFlag.SIZE)) change.size = x.position(SetattrIn.size);
  if (has(SetattrFlag.ATIME_NOW)) change.atime = 'now';
  else if (has(SetattrFlag.ATIME)) change.atime = time(x, SetattrIn.atime, SetattrIn.atimensec);
  if (has(SetattrFlag.MTIME_NOW)) change.mtime = 'now';
  else if (has(SetattrFlag.MTIME)) change.mtime = time(x, SetattrIn.mtime, SetattrIn.mtimensec);
  return change;
}

function time(x: Exchange, seconds: number, nanoseconds: number): Time {
  return { sec: x.request.i64(seconds), nsec: x.request.u32(nanoseconds) };
}

/**
 * The mode after a change of owner, a truncation or a write that costs a file its set-id bits, or undefined when it
 * has none to lose. Set-group-id without group execution means mandatory locking, and stays.
 */
export function modeWithoutSetId(x: Exchange, node: Node, newMode?: number): number | undefined {
  x.fs.getattr(node, x.stat);
  const mode = newMode ?? x.stat.mode & PERMISSIONS;
  const kept = mode & ~S_ISUID & ~((mode & S_IXGRP) === 0 ? 0 : S_ISGID);
  return kept === mode ? undefined : kept;
}

function statfs(x: Exchange): number {
  const { reply } = x;
  const space: StatFs = {
    blockSize: 0,
    blocks: 0,
    free: 0,
    available: 0,
    files: 0,
    freeFiles: 0,
    nameLength: 0,
  };
  x.fs.statfs(space);
  reply.fill(0, StatfsOut.SIZE);
  reply.u64(StatfsOut.blocks, space.blocks);
  reply.u64(StatfsOut.bfree, space.free);
  reply.u64(StatfsOut.bavail, space.available);
  reply.u64(StatfsOut.files, space.files);
  reply.u64(StatfsOut.ffree, space.freeFiles);
  reply.u32(StatfsOut.bsize, space.blockSize);
  reply.u32(StatfsOut.namelen, space.nameLength);
  reply.u32(StatfsOut.frsize, space.blockSize);
  return StatfsOut.SIZE;
}

/** What `stat`, `chmod`, `chown`, `truncate`, `utimensat` and `statfs` ask for. */
export const attributeHandlers: readonly (readonly [number, Handler])[] = [
  [Opcode.GETATTR, getattr],
  [Opcode.SETATTR, setattr],
  [Opcode.STATFS, statfs],
];
