import { check, E, FsError } from '../sys/errno';
import {
  copyFileRange as copyRange,
  fallocate as allocate,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  fdatasync,
  fsync as sync,
  ftruncate,
  lseek as seek,
  O_DIRECTORY,
  O_RDONLY,
  close,
  openAt,
  pread,
  pwrite,
  quietly,
} from '../sys/file';
import { openRegular } from '../sys/regular';
import { S_IFDIR, S_IFREG } from '../sys/stat';
import { ALL_DATA, copyUp } from './copyup';
import { openUpper, setRecord } from './upperAccess';
import type { DeltaFile } from './delta/deltaFile';
import { deltaOf } from './delta/open';
import type { Seek } from './holes';
import type { Node } from './node';
import { dirOf, type Union } from './union';

/** Reads bytes; see `FileSystem.read`. */
export function read(u: Union, node: Node, buffer: Buffer, length: number, position: number): number {
  const delta = deltaOf(u, node);
  if (delta !== null) return delta.read(buffer, length, position);
  return check(pread(readFd(u, node), buffer, length, position), node.path);
}

/** As {@link read}, but leaves no access time: for what no program asked for. */
export function peek(u: Union, node: Node, buffer: Buffer, length: number, position: number): number {
  const delta = deltaOf(u, node);
  const readNode = (): number => read(u, node, buffer, length, position);
  if (delta === null) return quietly(readFd(u, node), readNode);
  return quietly(delta.dataFd, () => quietly(delta.baseFd, readNode));
}

/** Writes bytes; see `FileSystem.write`. */
export function write(u: Union, node: Node, buffer: Buffer, length: number, position: number): number {
  const target = writeTarget(u, node);
  const written =
    typeof target === 'number'
      ? check(pwrite(target, buffer, length, position), node.path)
      : target.write(buffer, length, position);
  u.observer.touchNode(node);
  return written;
}

/** Changes the size. Bytes that fall away are not copied first. */
export function truncate(u: Union, node: Node, size: number): void {
  requireFile(node);
  const target = writeTarget(u, node, size);
  if (typeof target === 'number') check(ftruncate(target, size), node.path);
  else target.truncate(size);
  if (size === 0 && typeof target !== 'number') endDelta(u, node);
  u.observer.touchNode(node);
}

/** A file without any of its base's bytes needs no block map. */
function endDelta(u: Union, node: Node): void {
  const { record } = node;
  if (record?.delta == null || node.orphan) return;
  setRecord(u, node, { ...record, delta: null });
  u.deltas.drop(node);
  u.deltas.remove(record.delta);
}

export function fallocate(u: Union, node: Node, mode: number, offset: number, length: number): void {
  requireFile(node);
  const known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if (mode & ~known) throw new FsError(E.EOPNOTSUPP, node.path);
  const target = writeTarget(u, node);
  if (typeof target === 'number') check(allocate(target, mode, offset, length), node.path);
  else target.allocate(mode, offset, length);
  u.observer.touchNode(node);
}

export function lseek(u: Union, node: Node, offset: number, whence: number): number {
  return check(seekInNode(u, node)(offset, whence), node.path);
}

/** Finds the holes of a file as it is at each call. */
export function seekInNode(u: Union, node: Node): Seek {
  return (offset, whence) => {
    const delta = deltaOf(u, node);
    return delta === null ? seek(readFd(u, node), offset, whence) : delta.seek(offset, whence);
  };
}

export function copyFileRange(
  u: Union,
  from: Node,
  fromOffset: number,
  to: Node,
  toOffset: number,
  length: number,
): number {
  const target = writeTarget(u, to);
  if (typeof target !== 'number' || deltaOf(u, from) !== null) {
    const got = read(u, from, bounce, Math.min(length, bounce.length), fromOffset);
    return got === 0 ? 0 : write(u, to, bounce, got, toOffset);
  }
  const copied = check(copyRange(readFd(u, from), fromOffset, target, toOffset, length), to.path);
  u.observer.touchNode(to);
  return copied;
}

const bounce = Buffer.allocUnsafeSlow(1 << 20);

/** Makes a node durable, and with it what the engine did to give it its place in the scratch. */
export function fsync(u: Union, node: Node, dataOnly: boolean): void {
  if (!node.upper || node.type !== S_IFREG) return;
  const dataAlone = dataOnly && !node.unsyncedParents;
  const delta = deltaOf(u, node);
  if (delta === null) syncFile(u, node, dataAlone);
  else delta.sync(!dataAlone);
  if (!node.unsyncedParents || node.orphan) return;
  for (let at = node.parent; at !== null; at = at.parent) fsyncdir(u, at);
  node.unsyncedParents = false;
}

function syncFile(u: Union, node: Node, dataAlone: boolean): void {
  const kept = node.orphanFd >= 0 ? node.orphanFd : u.fileFds.get(node, true);
  const fd = kept ?? openUpper(u, node);
  const result = dataAlone ? fdatasync(fd) : sync(fd);
  if (kept === undefined) close(fd);
  check(result, node.path);
}

export function fsyncdir(u: Union, node: Node): void {
  const { upper } = dirOf(node);
  if (upper === null || node.orphan) return;
  const fd = openAt(u.dirFds.get(upper), '.', O_RDONLY | O_DIRECTORY);
  // An ordinary user cannot open a directory that it may not read; fsync of its files reaches the disk all the same.
  if (fd === -E.EACCES) return;
  check(fd, node.path);
  const result = sync(fd);
  close(fd);
  check(result, node.path);
  u.covered.sync();
}

/** Opens the bytes of a node without a block delta for reading, wherever they are; the caller closes the descriptor. @throws FsError */
export function openData(u: Union, node: Node): number {
  if (node.upper && !node.record?.metacopy) return openUpper(u, node);
  if (node.lowerDir === null) throw new FsError(E.EIO, `${node.path}: its base file is gone`);
  return check(openRegular(u.dirFds.get(node.lowerDir), node.lowerName, O_RDONLY), node.path);
}

/** A descriptor from which the node's bytes can be read, kept open by the union. */
function readFd(u: Union, node: Node): number {
  if (hasPinnedData(node)) return node.orphanFd;
  const open = u.fileFds.get(node, false);
  if (open !== undefined) return open;
  requireFile(node);
  const fd = openData(u, node);
  u.fileFds.add(node, fd, node.upper && !node.record?.metacopy);
  return fd;
}

/** What to write to, a descriptor or a block delta: copies up first, taking along at most `limit` bytes. */
function writeTarget(u: Union, node: Node, limit = ALL_DATA): number | DeltaFile {
  const known = deltaOf(u, node);
  if (known !== null) return known;
  if (hasPinnedData(node)) return node.orphanFd;
  const open = u.fileFds.get(node, true);
  if (open !== undefined) return open;
  requireFile(node);
  copyUp(u, node, limit);
  const started = deltaOf(u, node);
  if (started !== null) return started;
  return node.orphanFd >= 0 ? node.orphanFd : (u.fileFds.get(node, true) ?? openAndKeep(u, node));
}

/** Whether the inode by which an orphan is kept has its bytes too. */
function hasPinnedData(node: Node): boolean {
  return node.orphanFd >= 0 && !node.record?.metacopy;
}

function openAndKeep(u: Union, node: Node): number {
  const fd = openUpper(u, node);
  u.fileFds.add(node, fd, true);
  return fd;
}

function requireFile(node: Node): void {
  if (node.type === S_IFREG) return;
  throw new FsError(node.type === S_IFDIR ? E.EISDIR : E.EINVAL, node.path);
}
