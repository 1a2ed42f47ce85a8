import { realpathSync } from 'node:fs';
import { DEFAULT_DELTA_THRESHOLD } from '../protocol/deltaThreshold';
import { CowspaceError } from '../protocol/errors';
import type {
  BlockSummary,
  CommitParams,
  CommitResult,
  Damage,
  DiscardParams,
  DiscardResult,
  RangePage,
  Side,
  StatResult,
} from '../protocol/messages';
import { toBytes } from '../sys/bytes';
import { check } from '../sys/errno';
import {
  AT_FDCWD,
  chmodAt,
  chownAt,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  type StatFs,
  statFsFd,
  syncfs,
  umask,
  utimensAt,
} from '../sys/file';
import { raiseDescriptorLimit } from '../sys/process';
import { Stat, statFd } from '../sys/stat';
import * as attributes from './attributes';
import * as data from './data';
import type { AttrChange, Caller, FileSystem, Invalidator, ListVisitor } from './filesystem';
import { DirFds, type Layer, LayerDir } from './layer';
import { blockSummary, changedRanges, discardRange } from './ranges';
import { readSide, statSide } from './sides';
import { lookAgain, refresh } from './refresh';
import { normalize } from './plan';
import { lastDiscard } from './trash';
import { recoverCommit } from './recover';
import { Changes } from './changes';
import { commit } from './commit';
import { discard, undoDiscard } from './discard';
import type { Job } from './job';
import { recheck } from './linkCounts';
import { list } from './listing';
import * as names from './names';
import type { Node } from './node';
import { rename } from './rename';
import { Scratch } from './scratch';
import { tmpfile } from './tmpfile';
import { Union } from './union';
import { verify } from './verify';
import * as xattrs from './xattr';
import { markXattr, readXattr, replaceXattrs } from './xattrCopy';

export type LogLevel = 'info' | 'warn' | 'error';

export interface EngineOptions {
  /** Absolute paths, first match wins. */
  readonly bases: readonly string[];
  /** Absolute path; made when it does not exist. */
  readonly scratch: string;
  readonly invalidator: Invalidator;
  readonly log: (level: LogLevel, message: string) => void;
  /** Bytes from which on a file is kept by block; default {@link DEFAULT_DELTA_THRESHOLD}, Infinity for never. */
  readonly deltaThreshold?: number;
}

/** A mounted workspace's file system, its list of changes, and what can be done with them. */
export class Engine implements FileSystem {
  readonly changes: Changes;
  readonly #union: Union;

  private constructor(union: Union, changes: Changes) {
    this.#union = union;
    this.changes = changes;
  }

  /**
   * Opens bases and scratch.
   *
   * @throws CowspaceError when a base is missing or the scratch does not belong to them
   */
  static open(options: EngineOptions): Engine {
    const bases = options.bases.map(realBase);
    const scratch = Scratch.open(options.scratch, bases);
    umask(0);
    const limit = raiseDescriptorLimit();
    const kept = Math.min(4096, Math.floor((limit > 0 ? limit : 1024) / 4));
    const dirFds = new DirFds(kept);
    const layers: Layer[] = [openLayer(dirFds, 0, scratch.path, scratch.upperFd, '.')];
    bases.forEach((base, i) => layers.push(openLayer(dirFds, i + 1, base, AT_FDCWD, toBytes(base))));
    adoptRootMetadata(dirFds, layers);
    const limits = {
      files: kept,
      deltas: Math.ceil(kept / 4),
      deltaThreshold: options.deltaThreshold ?? DEFAULT_DELTA_THRESHOLD,
    };
    const union = new Union(scratch, layers, dirFds, limits, options.invalidator, options.log);
    const changes = new Changes(union, options.log);
    union.observer = changes;
    if (union.covered.last !== null) recheck(union, changes, union.covered.last);
    recoverCommit(union, changes, options.log);
    return new Engine(union, changes);
  }

  close(): void {
    this.#union.close();
  }

  get root(): Node {
    return this.#union.root;
  }

  node(id: number): Node {
    return this.#union.node(id);
  }

  lookup(parent: Node, name: string): Node | null {
    return this.#union.lookup(parent, name);
  }

  remember(node: Node): void {
    this.#union.remember(node);
  }

  forget(id: number, count: number): void {
    this.#union.forget(id, count);
  }

  getattr(node: Node, out: Stat): void {
    attributes.getattr(this.#union, node, out);
  }

  setattr(node: Node, change: AttrChange): void {
    attributes.setattr(this.#changing(), node, change);
  }

  readlink(node: Node): string {
    return attributes.readlink(this.#union, node);
  }

  mknod(parent: Node, name: string, mode: number, rdev: number, caller: Caller): Node {
    return names.mknod(this.#changing(), parent, name, mode, rdev, caller);
  }

  mkdir(parent: Node, name: string, mode: number, caller: Caller): Node {
    return names.mkdir(this.#changing(), parent, name, mode, caller);
  }

  symlink(parent: Node, name: string, target: string, caller: Caller): Node {
    return names.symlink(this.#changing(), parent, name, target, caller);
  }

  tmpfile(parent: Node, mode: number, caller: Caller): Node {
    return tmpfile(this.#changing(), parent, mode, caller);
  }

  link(node: Node, parent: Node, name: string): void {
    names.link(this.#changing(), node, parent, name);
  }

  unlink(parent: Node, name: string): void {
    names.unlink(this.#changing(), parent, name);
  }

  rmdir(parent: Node, name: string): void {
    names.rmdir(this.#changing(), parent, name);
  }

  rename(parent: Node, name: string, newParent: Node, newName: string, flags: number): void {
    rename(this.#changing(), parent, name, newParent, newName, flags);
  }

  read(node: Node, buffer: Buffer, length: number, position: number): number {
    return data.read(this.#union, node, buffer, length, position);
  }

  write(node: Node, buffer: Buffer, length: number, position: number): number {
    return data.write(this.#changing(), node, buffer, length, position);
  }

  fallocate(node: Node, mode: number, offset: number, length: number): void {
    data.fallocate(this.#changing(), node, mode, offset, length);
  }

  lseek(node: Node, offset: number, whence: number): number {
    return data.lseek(this.#union, node, offset, whence);
  }

  copyFileRange(from: Node, fromOffset: number, to: Node, toOffset: number, length: number): number {
    return data.copyFileRange(this.#changing(), from, fromOffset, to, toOffset, length);
  }

  fsync(node: Node, dataOnly: boolean): void {
    data.fsync(this.#union, node, dataOnly);
  }

  fsyncdir(node: Node): void {
    data.fsyncdir(this.#union, node);
  }

  syncfs(): void {
    this.#union.deltas.sync();
    check(syncfs(this.#union.scratch.upperFd), 'syncfs');
  }

  list(dir: Node, cookie: number, withNodes: boolean, visit: ListVisitor): void {
    list(this.#union, dir, cookie, withNodes, visit);
  }

  parentOf(dir: Node): Node {
    return dir.parent ?? this.root;
  }

  getxattr(node: Node, name: string, into: Buffer): number {
    return xattrs.getXattr(this.#union, node, name, into);
  }

  setxattr(node: Node, name: string, value: Buffer, flags: number): void {
    xattrs.setXattr(this.#changing(), node, name, value, flags);
  }

  listxattr(node: Node, into: Buffer): number {
    return xattrs.listXattr(this.#union, node, into);
  }

  removexattr(node: Node, name: string): void {
    xattrs.removeXattr(this.#changing(), node, name);
  }

  statfs(out: StatFs): void {
    check(statFsFd(this.#union.scratch.upperFd, out), 'statfs');
  }

  /** Moves changes into the bases. @throws CowspaceError `conflict`, `not-found` */
  *commit(params: CommitParams): Job<CommitResult> {
    return yield* commit(this.#upToDate(), this.changes, params);
  }

  /** Puts changes aside, so that the bases show again. @throws CowspaceError `not-found` */
  *discard(params: DiscardParams): Job<DiscardResult> {
    return yield* discard(this.#upToDate(), this.changes, params);
  }

  /** Brings back what a discard put aside, by default the last. @throws CowspaceError `not-found`, `exists` */
  *undoDiscard(id?: string): Job<DiscardResult> {
    const undone = id ?? lastDiscard(this.#union.scratch);
    return yield* undoDiscard(this.#upToDate(), this.changes, undone);
  }

  /** Notices what others changed in the bases. */
  *refresh(): Job<void> {
    yield* refresh(this.#changing());
    this.changes.touchAll();
    yield* this.changes.update();
  }

  /** What one side has at a path; null for nothing. */
  stat(path: string, side: Side): StatResult | null {
    return statSide(this.#changing(), this.changes, path, side);
  }

  /** Reads bytes of a file on one side. @throws FsError */
  readSide(path: string, side: Side, offset: number, length: number): Buffer {
    return readSide(this.#changing(), this.changes, path, side, offset, length);
  }

  /** Lists which bytes of a file differ from its base's. @throws CowspaceError `not-found` */
  *changedRanges(path: string, offset: number, limit: number): Job<RangePage> {
    return yield* changedRanges(this.#changing(), this.changes, { path: normalize(path), offset, limit });
  }

  /** Counts changed bytes in equal parts of a stretch. @throws CowspaceError `not-found` */
  *blockSummary(path: string, offset: number, length: number, cells: number): Job<BlockSummary> {
    const query = { path: normalize(path), offset, length, cells };
    return yield* blockSummary(this.#changing(), this.changes, query);
  }

  /** Puts the base's bytes back into a part of a file. @throws CowspaceError `not-found` */
  *discardRange(path: string, offset: number, length: number): Job<void> {
    yield* discardRange(this.#changing(), this.changes, normalize(path), offset, length);
    yield* this.changes.update();
  }

  /** Looks for files whose contents cannot be had. */
  *verify(): Job<Damage[]> {
    return yield* verify(this.#union);
  }

  /** Bytes that the changes take in the scratch. */
  storedBytes(): number {
    return this.changes.totals.storedBytes;
  }

  /** As {@link #changing}, for an operation that must go by what the bases have now. */
  #upToDate(): Union {
    const union = this.#changing();
    if (lookAgain(union)) this.changes.touchAll();
    return union;
  }

  /** The union, for an operation after which remembered attributes may be wrong. */
  #changing(): Union {
    this.#union.clearFresh();
    return this.#union;
  }
}

function realBase(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CowspaceError('not-found', `The base ${path} cannot be opened (${code ?? 'unknown error'}).`, {
      path,
    });
  }
}

/** @param dirFd where to open `name`, a byte string */
function openLayer(dirFds: DirFds, index: number, path: string, dirFd: number, name: string): Layer {
  const fd = check(openAt(dirFd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW), path);
  const root = new LayerDir(index, null, '');
  dirFds.addRoot(root, fd);
  return { index, path: toBytes(path), root };
}

/** A fresh scratch's root looks like the first base's. */
function adoptRootMetadata(dirFds: DirFds, layers: readonly Layer[]): void {
  const [upper, base] = layers;
  if (upper === undefined || base === undefined) return;
  const upperFd = dirFds.get(upper.root);
  const baseFd = dirFds.get(base.root);
  const marked = readXattr(upperFd, '.', ROOT_MARK) !== undefined;
  if (marked) return;
  const stat = new Stat();
  check(statFd(baseFd, stat), base.path);
  chownAt(upperFd, '.', stat.uid, stat.gid);
  check(chmodAt(upperFd, '.', stat.mode & 0o7777), base.path);
  replaceXattrs(baseFd, '.', upperFd, '.');
  check(utimensAt(upperFd, '.', stat.atime, stat.atimeNsec, stat.mtime, stat.mtimeNsec), base.path);
  markXattr(upperFd, '.', ROOT_MARK);
}

/** Says that the root of the upper tree has its metadata. */
const ROOT_MARK = 'user.cowspace.root';
