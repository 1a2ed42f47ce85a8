import { readInSteps } from '../sys/directory';
import { FsError } from '../sys/errno';
import { S_IFDIR } from '../sys/stat';
import type { Job } from './job';
import { LayerDir } from './layer';
import { layerOf, numberKey, numberOf } from './linkKeys';
import { joinPath } from './node';
import type { Union } from './union';

/** Paths of one inode, and how many renames they tell of. */
interface Names {
  readonly paths: readonly string[];
  readonly moves: number;
}

/**
 * The names of base inodes that have several and were copied up. Nothing but reading a whole base tells them, so that
 * is done once, when the first is asked for.
 */
export class BaseLinks {
  readonly #union: Union;
  /** By the inode's number: that is what a directory tells of its entries. */
  readonly #names = new Map<string, Names>();
  /** Renames inside the bases since the first was read. */
  readonly #moves: { from: string; to: string }[] = [];

  constructor(union: Union) {
    this.#union = union;
  }

  /** Whether the names of the inode with this key were read. */
  knows(key: string): boolean {
    return this.#names.has(numberOf(key));
  }

  /** Paths in its base of the inode with this key, as they were read; some may be gone since, or be another's. */
  named(key: string): string[] {
    const { paths, moves } = this.#names.get(numberOf(key)) ?? { paths: [], moves: 0 };
    return this.#moves
      .slice(moves)
      .reduce((moved, { from, to }) => moved.map((path) => rebased(path, from, to)), [...paths]);
  }

  /** Takes note of the names that an inode has. */
  learn(key: string, paths: readonly string[]): void {
    this.#names.set(numberOf(key), { paths, moves: this.#moves.length });
  }

  /** Takes note of a rename inside the bases. */
  move(from: string, to: string): void {
    if (this.#names.size > 0) this.#moves.push({ from, to });
  }

  /**
   * Reads the names of the inode with this key, and of all others of its base that are in the index now. What users
   * do to the mount meanwhile does not change the bases.
   */
  *read(key: string): Job<void> {
    if (this.knows(key)) return;
    const layer = layerOf(key);
    const found = new Map<string, string[]>([[numberOf(key), []]]);
    for (const each of this.#union.indexed) if (layerOf(each) === layer) found.set(numberOf(each), []);
    const root = this.#union.layers[layer]?.root;
    const queue = root === undefined ? [] : [root];
    for (let dir = queue.pop(); dir !== undefined; dir = queue.pop()) {
      const here = dir;
      yield* this.#readDirectory(dir, (name, ino, type) => {
        if (type === S_IFDIR) queue.push(new LayerDir(layer, here, name));
        else found.get(numberKey(layer, ino))?.push(joinPath(here.path, name));
      });
    }
    for (const [each, paths] of found) this.learn(each, paths);
  }

  /** What cannot be read, or is gone since its name was read, shows no names either. */
  *#readDirectory(dir: LayerDir, visit: (name: string, ino: number, type: number) => void): Job<void> {
    try {
      yield* readInSteps(this.#union.dirFds.get(dir), '', visit);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
  }
}

/** Where a path is after the rename of what is, or is above, it. */
function rebased(path: string, from: string, to: string): string {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
}
