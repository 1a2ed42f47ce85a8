import { close, O_RDONLY, openQuietly, readlinkAt } from '../sys/file';
import { check, E, FsError } from '../sys/errno';
import { readInSteps } from '../sys/directory';
import { openRegular } from '../sys/regular';
import { type Stat, statAt } from '../sys/stat';
import type { Job } from './job';
import type { LayerDir } from './layer';
import { joinPath } from './node';
import type { Union } from './union';

/** Where a file of the bases lies: a descriptor of its directory (valid until the next call) and its name. */
export interface BasePlace {
  readonly dir: LayerDir;
  readonly name: string;
}

/** The path of a place in its base. */
export function pathOf({ dir, name }: BasePlace): string {
  return joinPath(dir.path, name);
}

/** The bases as they are now, merged, without the scratch. Paths are relative to the mount. */
export class BaseView {
  readonly #union: Union;
  /** Merged directories by path; cleared often, as the bases may change under it. */
  readonly #dirs = new Map<string, LayerDir[]>();

  constructor(union: Union) {
    this.#union = union;
  }

  /** Forgets what it knows of the bases' directories. */
  clear(): void {
    this.#dirs.clear();
  }

  /** Fills `out` and says where the entry lies, or returns null when no base has it. */
  stat(path: string, out: Stat): BasePlace | null {
    for (const place of this.places(path)) {
      if (statAt(this.#union.dirFds.get(place.dir), place.name, out) === 0) return place;
    }
    return null;
  }

  /** The places in each base that could hold this path, first match first. The root has none. */
  places(path: string): BasePlace[] {
    if (path === '') return [];
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    return this.directories(slash < 0 ? '' : path.slice(0, slash)).map((dir) => ({ dir, name }));
  }

  /** The directories of the bases that merge at a path. */
  directories(path: string): LayerDir[] {
    let dirs = this.#dirs.get(path);
    if (dirs === undefined) {
      dirs = this.#union.resolveLowers(path);
      this.#dirs.set(path, dirs);
    }
    return dirs;
  }

  /** All names that the merged directory at a path has. @throws FsError when one of those that merge cannot be read */
  *names(path: string): Job<Set<string>> {
    const names = new Set<string>();
    for (const dir of this.directories(path)) {
      const result = yield* readInSteps(this.#union.dirFds.get(dir), '', (name) => names.add(name));
      // Removed meanwhile, it has none.
      if (result !== -E.ENOENT) check(result, dir.path);
    }
    return names;
  }

  /** Opens a file for reading; the caller closes it. @throws FsError */
  open(place: BasePlace): number {
    const fd = openRegular(this.#union.dirFds.get(place.dir), place.name, O_RDONLY, openQuietly);
    return check(fd, place.name);
  }

  readlink(place: BasePlace): string {
    const target = readlinkAt(this.#union.dirFds.get(place.dir), place.name);
    if (typeof target === 'number') throw new FsError(-target, place.name);
    return target;
  }

  /** Reads bytes of a file; an empty buffer past its end. */
  read(place: BasePlace, read: (fd: number) => Buffer): Buffer {
    const fd = this.open(place);
    try {
      return read(fd);
    } finally {
      close(fd);
    }
  }
}
