import { CowspaceError } from '../protocol/errors';
import type { Change, Conflict, PlanItem } from '../protocol/messages';
import { toBytes, toText } from '../sys/bytes';
import { readInSteps } from '../sys/directory';
import { check } from '../sys/errno';
import { close, O_DIRECTORY, O_NOFOLLOW, O_PATH, openAt } from '../sys/file';
import { birthAt, S_IFDIR, SET_ID, sameMtime, Stat, statAt } from '../sys/stat';
import type { BasePlace } from './baseView';
import type { Changes } from './changes';
import { differInNames, isCopyOf } from './compare';
import { damageOf } from './delta/open';
import type { Job } from './job';
import { joinPath, type Node, type Origin } from './node';
import { isOrigin } from './origin';
import { dirOf, type Union } from './union';

/** One change on its way into the base. */
export interface Step {
  /** Byte path in the mount. */
  readonly path: string;
  readonly change: Change;
}

/** A change as users of the plan see it. */
export function planItem({ path, from, kind, type, size }: PlanItem): PlanItem {
  return { path, ...(from !== undefined && { from }), kind, type, size };
}

/**
 * The changes at and below the given paths.
 *
 * @param paths relative to the mount, as text; undefined, `''` and `'.'` mean everything
 * @throws CowspaceError `not-found` for a path at and below which nothing changed
 */
export function selectChanges(changes: Changes, paths: readonly string[] | undefined): Map<string, Change> {
  if (paths === undefined) return new Map(changes.below(''));
  const selected = new Map<string, Change>();
  for (const text of paths) {
    const path = normalize(text);
    const found = [...changes.below(path)];
    if (found.length === 0 && path !== '') {
      throw new CowspaceError('not-found', `${text}: nothing changed there.`, { path: text });
    }
    for (const [each, change] of found) selected.set(each, change);
  }
  return selected;
}

/** A path relative to the mount as the engine writes it. @throws CowspaceError `usage` for one that leads out */
export function normalize(text: string): string {
  const parts = toBytes(text)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) {
    throw new CowspaceError('usage', `${text}: paths are relative to the mount and cannot contain "..".`, {
      path: text,
    });
  }
  return parts.join('/');
}

/**
 * Adds what a selection cannot do without: new directories above a change, and renames out of the way of or from below
 * something that will be replaced or removed.
 */
export function* completeSelection(changes: Changes, selected: Map<string, Change>): Job<void> {
  const queue = [...selected.keys()];
  const add = (path: string): void => {
    const change = changes.get(path);
    if (change === undefined || selected.has(path)) return;
    selected.set(path, change);
    queue.push(path);
  };
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const above = changes.get(path.slice(0, end));
      if (above !== undefined && makesDirectory(above)) add(path.slice(0, end));
    }
    for (const renamed of changes.renamesFrom(path)) add(renamed);
    yield undefined;
  }
}

/** Whether a commit has to make a directory in the base for this change. */
export function makesDirectory(change: Change): boolean {
  return change.type === 'directory' && (change.kind === 'created' || change.kind === 'changed');
}

/** Finds the changes whose base moved since the scratch took its copy. */
export class ConflictFinder {
  readonly #union: Union;
  readonly #changes: Changes;
  readonly #stat = new Stat();
  readonly #mine = new Stat();

  constructor(union: Union, changes: Changes) {
    this.#union = union;
    this.#changes = changes;
  }

  /** Why this step must not be done as it is; null when it may. */
  *find(step: Step): Job<Conflict | null> {
    const reason =
      step.change.kind === 'whiteout'
        ? yield* this.#gone(step.path, this.#deletedAt(step.path))
        : (this.#entry(step) ?? (yield* this.#replacedDirectory(step.path)));
    return reason === null ? null : { path: toText(step.path), reason };
  }

  #entry({ path, change }: Step): string | null {
    return this.#changes.ifThere(path, (parent, name) => {
      const node = this.#union.lookup(parent, name);
      if (node === null) return null;
      try {
        return this.#node(node, parent, path, change);
      } finally {
        this.#union.release(node);
      }
    });
  }

  #node(node: Node, parent: Node, path: string, change: Change): string | null {
    const basePath = this.#changes.basePath(path);
    this.#changes.followName(path, node);
    const { record } = node;
    // Users have put something of the bases there since.
    if (!node.upper) return null;
    if (record === null && node.damage !== null) return node.damage;
    if (node.dir !== null && record === null) return null;
    if (record === null) return this.#unrecorded(basePath, this.#hereSince(node, parent, basePath));
    const origin = record.redirect ?? basePath;
    // What it replaced went elsewhere by a rename.
    if (origin === null) return null;
    const place = this.#changes.bases.stat(origin, this.#stat);
    if (place === null) return record.cover ? null : 'it was deleted in the base';
    if (node.dir !== null) return null;
    if (
      !this.#isUnchanged(node, record.origin, place) &&
      !(origin === basePath && this.#isEqual(node, change, place))
    )
      return 'it was changed in the base';
    if (origin !== basePath && !this.#isAnotherName(node, basePath)) {
      const replaced = this.#unrecorded(basePath, this.#hereSince(node, parent, basePath));
      if (replaced !== null) return replaced;
    }
    return damageOf(this.#union, node);
  }

  #statMine(node: Node): Stat {
    const { fd, name } = this.#union.upperPlace(node);
    check(statAt(fd, name, this.#mine), node.path);
    return this.#mine;
  }

  /** Whether nobody but a commit changed what a node was copied from or replaced. */
  #isUnchanged(node: Node, origin: Origin, place: BasePlace): boolean {
    const base = this.#stat;
    if (isOrigin(origin, place, base) || this.#isWritten(place.dir.layer)) return true;
    // Of a directory, what is in it counts: that is looked at last.
    if (base.type === S_IFDIR && base.ino === origin.ino) return true;
    // A crash ended a commit between two steps of giving it this node's owner, mode and times.
    const mine = this.#statMine(node);
    const halfway = { ...origin };
    if (base.uid === mine.uid && base.gid === mine.gid) {
      if ((base.mode & ~SET_ID) === (origin.mode & ~SET_ID)) halfway.mode = base.mode;
      Object.assign(halfway, { uid: base.uid, gid: base.gid });
    }
    if (base.mode === mine.mode) halfway.mode = base.mode;
    if (sameMtime(base, mine)) Object.assign(halfway, { mtime: base.mtime, mtimeNsec: base.mtimeNsec });
    return isOrigin(halfway, place, base);
  }

  /** Whether only names differ: a crash ended a commit that had put the node there, and not yet under all of them. */
  #isEqual(node: Node, { kind }: Change, place: BasePlace): boolean {
    return kind === 'metadata' && differInNames(this.#union, node, this.#statMine(node), place, this.#stat);
  }

  /** Whether the bases have what a node was copied from under this name too, so that it replaces nothing there. */
  #isAnotherName(node: Node, basePath: string | null): boolean {
    const place = basePath === null ? null : this.#changes.bases.stat(basePath, this.#stat);
    return place !== null && isCopyOf(node, place, this.#stat);
  }

  /** Something made here where the bases had nothing, or whose directory was deleted and made again. */
  #unrecorded(basePath: string | null, since: number): string | null {
    const place = basePath === null ? null : this.#changes.bases.stat(basePath, this.#stat);
    if (place === null || this.#stat.type === S_IFDIR) return null;
    return this.#changedAfter(place.dir.layer, since) ? 'it was created or changed in the base' : null;
  }

  /** When a node's inode, or the directory that hides what the base has in its place, was made, or later. */
  #hereSince(node: Node, parent: Node, basePath: string | null): number {
    const { fd, name } = this.#union.upperPlace(node);
    const madeAt = Math.min(birthAt(fd, name), this.#opaqueSince(parent));
    const redirect = node.record?.redirect ?? basePath;
    // It was not here then, although its copy may have been made before.
    if (redirect === basePath) return madeAt;
    return Math.max(madeAt, this.#union.commitTimes.settled, node.record?.coveredAt ?? 0);
  }

  /** Of what took a directory's place: whether something in that changed since. */
  *#replacedDirectory(path: string): Job<string | null> {
    const since = this.#changes.ifThere(path, (parent, name) => {
      const basePath = this.#changes.basePath(path);
      const place = basePath === null ? null : this.#changes.bases.stat(basePath, this.#stat);
      if (place === null || this.#stat.type !== S_IFDIR) return null;
      const node = this.#union.lookup(parent, name);
      if (node === null) return null;
      const here = node.dir === null && node.upper ? this.#hereSince(node, parent, basePath) : null;
      this.#union.release(node);
      return here;
    });
    return since === null ? null : yield* this.#gone(path, since);
  }

  /** Whether what the bases have, and the mount does not, changed since. */
  *#gone(path: string, since: number): Job<string | null> {
    const basePath = this.#changes.ifThere(path, () => this.#changes.basePath(path));
    if (basePath === null) return null;
    for (const place of this.#changes.bases.places(basePath)) {
      const dirFd = this.#union.dirFds.get(place.dir);
      const moved = yield* this.#anyChangedAfter(place.dir.layer, dirFd, place.name, since);
      if (moved === null) continue;
      return moved === ''
        ? 'it was changed in the base after it was deleted here'
        : `${toText(moved)} in it was changed in the base after it was deleted here`;
    }
    return null;
  }

  #deletedAt(path: string): number {
    return this.#changes.at(path, (parent, name) => {
      const { upper } = dirOf(parent);
      const has = upper !== null && statAt(this.#union.dirFds.get(upper), name, this.#stat) === 0;
      return has ? this.#stat.mtime + this.#stat.mtimeNsec / 1e9 : this.#opaqueSince(parent);
    });
  }

  /** When the nearest directory above that hides its base was made; infinite for none. */
  #opaqueSince(parent: Node): number {
    for (let at: Node | null = parent; at !== null; at = at.parent) {
      if (!at.dir?.opaque) continue;
      const { fd, name } = this.#union.upperPlace(at);
      return birthAt(fd, name);
    }
    return Number.POSITIVE_INFINITY;
  }

  #changedAfter(layer: number, since: number): boolean {
    const { commitTimes } = this.#union;
    if (this.#isWritten(layer) || commitTimes.isLast(layer, this.#stat, 'seen')) return false;
    const { nlink, mtime, mtimeNsec, ctime, ctimeNsec } = this.#stat;
    // A name that comes or goes changes an inode, but not its contents.
    const named = commitTimes.isLast(layer, this.#stat, 'kept') || commitTimes.isTaking(layer, this.#stat);
    return nlink > 1 || named ? mtime + mtimeNsec / 1e9 > since : ctime + ctimeNsec / 1e9 > since;
  }

  /** Whether a commit wrote this inode, and nobody changed it since. */
  #isWritten(layer: number): boolean {
    return this.#union.commitTimes.isLast(layer, this.#stat, 'written');
  }

  /** The first path below (`''`: the entry itself) that changed after a time; directories alone do not count. */
  *#anyChangedAfter(layer: number, dirFd: number, name: string, since: number): Job<string | null> {
    if (statAt(dirFd, name, this.#stat) < 0) return null;
    if (this.#stat.type !== S_IFDIR) return this.#changedAfter(layer, since) ? '' : null;
    const fd = check(openAt(dirFd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW), name);
    try {
      const names: string[] = [];
      check(yield* readInSteps(fd, '', (each) => names.push(each)), name);
      for (const each of names) {
        const moved = yield* this.#anyChangedAfter(layer, fd, each, since);
        if (moved !== null) return moved === '' ? each : joinPath(each, moved);
        yield undefined;
      }
      return null;
    } finally {
      close(fd);
    }
  }
}
