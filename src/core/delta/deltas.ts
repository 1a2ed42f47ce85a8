import { randomBytes } from 'node:crypto';
import { check, E, FsError } from '../../sys/errno';
import { close, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, openAt, unlinkAt } from '../../sys/file';
import { openRegular } from '../../sys/regular';
import { Stat, statFd } from '../../sys/stat';
import type { Node } from '../node';
import { DamageError } from '../damage';
import { DeltaFile } from './deltaFile';
import type { Durability } from './durability';
import { MapFile } from './mapFile';
import { loadMap } from './mapFormat';

/** Opens what a delta is made of; the deltas own the descriptors from then on. */
export interface DeltaSource {
  /** The sparse file in the scratch, for reading and writing. */
  openScratch(): number;
  /** The base's file, for reading. @throws DamageError when it is not the one that was copied up */
  openBase(): number;
}

const stat = new Stat();

/** Fewest to keep open: an operation works with two of them at the most. */
const FEWEST = 4;

/** The open block deltas, the most recently used ones kept. */
export class Deltas {
  /** The scratch's folder of block maps. */
  readonly #dirFd: number;
  #capacity: number;
  readonly #durability: Durability;
  readonly #open = new Map<Node, DeltaFile>();

  constructor(dirFd: number, capacity: number, durability: Durability) {
    this.#dirFd = dirFd;
    this.#capacity = Math.max(capacity, FEWEST);
    this.#durability = durability;
  }

  /** The node's delta, opened when it is not. @throws FsError */
  get(node: Node, source: DeltaSource): DeltaFile {
    const known = this.#open.get(node);
    if (known !== undefined) {
      this.#open.delete(node);
      this.#open.set(node, known);
      return known;
    }
    const id = node.record?.delta;
    if (id == null) throw new FsError(E.ESTALE, node.path);
    const mapFd = this.#openMap(id, node.path);
    const openMap = (baseFd: number): MapFile => {
      check(statFd(baseFd, stat), node.path);
      return MapFile.open(mapFd, node.path, stat.size, this.#durability);
    };
    return this.#add(node, source, openMap, mapFd);
  }

  /**
   * Reads a block map from disk, also one that is in use.
   *
   * @param baseSize bytes of the base file
   * @throws DamageError
   */
  verify(id: string, path: string, baseSize: number): void {
    const fd = this.#openMap(id, path);
    try {
      loadMap(fd, path, baseSize, this.#durability.boot);
    } finally {
      close(fd);
    }
  }

  #openMap(id: string, path: string): number {
    const fd = openRegular(this.#dirFd, id, O_RDWR);
    if (fd === -E.ENOENT) throw new DamageError(path, 'its block map is missing');
    if (fd === -E.ELOOP || fd === -E.EINVAL) throw new DamageError(path, 'its block map is no regular file');
    return check(fd, path);
  }

  /** Starts a delta without changed blocks; returns its id for the node's record. */
  create(node: Node, source: DeltaSource): string {
    const id = randomBytes(8).toString('hex');
    const mapFd = check(openAt(this.#dirFd, id, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), 'block map');
    const createMap = (baseFd: number): MapFile => {
      check(statFd(baseFd, stat), node.path);
      return MapFile.create(mapFd, stat.size, this.#durability);
    };
    try {
      this.#add(node, source, createMap, mapFd);
    } catch (error) {
      this.remove(id);
      throw error;
    }
    return id;
  }

  #add(node: Node, source: DeltaSource, openMap: (baseFd: number) => MapFile, mapFd: number): DeltaFile {
    const fds = [mapFd];
    try {
      const baseFd = source.openBase();
      fds.push(baseFd);
      const dataFd = source.openScratch();
      fds.push(dataFd);
      const delta = new DeltaFile(dataFd, baseFd, openMap(baseFd), this.#durability);
      this.#evict(this.#capacity - 1);
      this.#open.set(node, delta);
      return delta;
    } catch (error) {
      for (const fd of fds) close(fd);
      throw error;
    }
  }

  /** Closes the node's delta. What was written stays written; {@link DeltaFile.sync} makes it durable. */
  drop(node: Node): void {
    this.#open.get(node)?.close();
    this.#open.delete(node);
  }

  /** Deletes a block map whose file is gone. */
  remove(id: string): void {
    unlinkAt(this.#dirFd, id);
  }

  /** Makes all open deltas durable. */
  sync(): void {
    for (const delta of this.#open.values()) delta.sync(false);
  }

  /** Closes all; what can be made durable, is. */
  closeAll(): void {
    for (const delta of this.#open.values()) {
      syncIfPossible(delta);
      delta.close();
    }
    this.#open.clear();
  }

  /** Keeps half as many from now on, as there are too few descriptors; returns whether that closed any. */
  shrink(): boolean {
    const before = this.#open.size;
    this.#capacity = Math.max(Math.floor(before / 2), FEWEST);
    this.#evict(this.#capacity);
    return this.#open.size < before;
  }

  /** An unlinked file's map has no name to open it by again; of one in use there must not be two. */
  #evict(most: number): void {
    for (const [node, delta] of this.#open) {
      if (this.#open.size <= most) return;
      if (node.orphan || delta.held) continue;
      syncIfPossible(delta);
      this.drop(node);
    }
  }
}

/** A full disk is no reason to keep a delta open: the live places of its map have everything. */
function syncIfPossible(delta: DeltaFile): void {
  try {
    delta.sync(false);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
  }
}
