import { readDirectory } from '../sys/directory';
import { check } from '../sys/errno';
import { S_IFDIR, Stat, statAt } from '../sys/stat';
import type { BasePlace } from './baseView';
import { LayerDir } from './layer';
import { joinPath } from './node';
import { linkKey, type Union } from './union';

/**
 * The names of base inodes that have several and were copied up. Nothing but reading a whole base tells them, so that
 * is done once, when the first is asked for.
 */
export class BaseLinks {
  readonly #union: Union;
  readonly #layers = new Map<number, Map<string, BasePlace[]>>();

  constructor(union: Union) {
    this.#union = union;
  }

  /** The other names of the inode that a base has at a place. */
  others(place: BasePlace): BasePlace[] {
    const stat = new Stat();
    const result = statAt(this.#union.dirFds.get(place.dir), place.name, stat);
    if (result < 0 || stat.nlink < 2) return [];
    const path = pathOf(place);
    const names = this.#names(place.dir.layer).get(linkKey(place.dir.layer, stat.ino)) ?? [];
    return names.filter((each) => pathOf(each) !== path);
  }

  /** All names of the inode that has this key in the index. */
  named(key: string): readonly BasePlace[] {
    return this.#names(Number.parseInt(key)).get(key) ?? [];
  }

  /** Forgets what it read: names came or went. */
  clear(): void {
    this.#layers.clear();
  }

  #names(layer: number): Map<string, BasePlace[]> {
    let names = this.#layers.get(layer);
    if (names === undefined) {
      names = this.#read(layer);
      this.#layers.set(layer, names);
    }
    return names;
  }

  #read(index: number): Map<string, BasePlace[]> {
    const { dirFds, indexed, layers } = this.#union;
    const found = new Map<string, BasePlace[]>();
    const queue = [layers[index]!.root];
    for (let dir = queue.pop(); dir !== undefined; dir = queue.pop()) {
      const here = dir;
      const result = readDirectory(dirFds.get(dir), '', (name, ino, type) => {
        if (type === S_IFDIR) {
          queue.push(new LayerDir(index, here, name));
          return;
        }
        const key = linkKey(index, ino);
        if (indexed.has(key)) found.set(key, [...(found.get(key) ?? []), { dir: here, name }]);
      });
      check(result, dir.path);
    }
    return found;
  }
}

/** The path of a place in the bases. */
export function pathOf({ dir, name }: BasePlace): string {
  return joinPath(dir.path, name);
}
