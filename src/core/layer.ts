import { check, E } from '../sys/errno';
import { close, O_DIRECTORY, O_NOFOLLOW, O_PATH, openAt } from '../sys/file';

/** One branch of the union: the scratch's upper tree or a base. */
export interface Layer {
  /** 0 is the scratch, bases follow in order. */
  readonly index: number;
  /** Where it lies, as a byte string; for messages only, nothing is resolved by it after the start. */
  readonly path: string;
  readonly root: LayerDir;
}

/**
 * A directory inside one layer. It is reached through its parent's descriptor, one name at a time and never through
 * a symbolic link, so a path of any length works and none can lead out of the layer.
 */
export class LayerDir {
  readonly layer: number;
  /** Changes when the engine itself moves the directory. */
  parent: LayerDir | null;
  name: string;

  constructor(layer: number, parent: LayerDir | null, name: string) {
    this.layer = layer;
    this.parent = parent;
    this.name = name;
  }

  /** The path below the layer's root, `''` for the root itself. */
  get path(): string {
    if (this.parent === null) return '';
    const above = this.parent.path;
    return above === '' ? this.name : `${above}/${this.name}`;
  }
}

/** Fewest directories to keep open: an operation works with several, on paths of some depth, at the same time. */
const FEWEST = 32;

interface OpenDir {
  readonly fd: number;
  /** The round in which it was last used. */
  round: number;
}

/** Open directory descriptors, the most recently used ones kept. */
export class DirFds {
  /** In the order of their last use. */
  readonly #open = new Map<LayerDir, OpenDir>();
  readonly #roots = new Map<LayerDir, number>();
  #capacity: number;
  #round = 0;

  /** @param capacity how many descriptors to keep besides the roots */
  constructor(capacity: number) {
    this.#capacity = Math.max(capacity, FEWEST);
  }

  /** Registers a layer's root, whose descriptor stays open until {@link closeAll}. */
  addRoot(dir: LayerDir, fd: number): void {
    this.#roots.set(dir, fd);
  }

  /** A descriptor of the directory (`O_PATH`), valid until the next call. @throws FsError */
  get(dir: LayerDir): number {
    return check(this.find(dir), dir.path);
  }

  /** As {@link get}, but returns a negative errno where the directory is gone. */
  find(dir: LayerDir): number {
    const open = this.#open.get(dir);
    if (open !== undefined) {
      open.round = this.#round;
      this.#open.delete(dir);
      this.#open.set(dir, open);
      return open.fd;
    }
    const root = this.#roots.get(dir);
    if (root !== undefined) return root;
    const fd = this.#openIn(dir);
    if (fd < 0) return fd;
    this.#open.set(dir, { fd, round: this.#round });
    if (this.#open.size > this.#capacity) this.#evict();
    return fd;
  }

  /** Closes the descriptor, for a directory that is gone. */
  drop(dir: LayerDir): void {
    const open = this.#open.get(dir);
    if (open === undefined) return;
    this.#open.delete(dir);
    close(open.fd);
  }

  /** Closes those that were not asked for since this was last called: maybe nobody knows their directories any more. */
  dropUnused(): void {
    for (const [dir, { round }] of this.#open) {
      if (round === this.#round) break;
      this.drop(dir);
    }
    this.#round++;
  }

  /** Closes all but the roots: others moved or removed directories. */
  dropAll(): void {
    for (const { fd } of this.#open.values()) close(fd);
    this.#open.clear();
  }

  /** Keeps half as many from now on, as there are too few descriptors; returns whether that closed any. */
  shrink(): boolean {
    const before = this.#open.size;
    this.#capacity = Math.max(Math.floor(before / 2), FEWEST);
    while (this.#open.size > this.#capacity) this.#evict();
    return this.#open.size < before;
  }

  closeAll(): void {
    this.dropAll();
    for (const fd of this.#roots.values()) close(fd);
    this.#roots.clear();
  }

  #openIn({ parent, name }: LayerDir): number {
    const above = parent === null ? -E.ESTALE : this.find(parent);
    return above < 0 ? above : openAt(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }

  #evict(): void {
    this.drop(this.#open.keys().next().value!);
  }
}
