import type { Change, ChangeDelta, ChangeKind, ChangeList, FileType, Totals } from '../protocol/messages';
import { toBytes, toText } from '../sys/bytes';
import { E, FsError } from '../sys/errno';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK, Stat } from '../sys/stat';
import { type BasePlace, BaseView } from './baseView';
import { isDetour } from './detours';
import { compare, isCopyOf } from './compare';
import { damageOf } from './delta/open';
import type { LogLevel } from './engine';
import type { Job } from './job';
import { joinPath, type Node } from './node';
import { BaseLinks } from './baseLinks';
import { settleDoubts } from './linkCounts';
import { settleLooseIndex } from './looseIndex';
import { PathTree } from './pathTree';
import { Redirects } from './redirects';
import { bookEqual, bookNames, bookPlace, indexCopy } from './settle';
import { storedBytes } from './storedBytes';
import { type ChangeObserver, dirOf, type Union } from './union';

/** What the list tells of a file besides where it is; type as in a mode, times in milliseconds since 1970. */
interface Facts {
  readonly type: number;
  readonly size: number;
  readonly storedBytes: number;
  readonly mtime: number;
}

/** Touched nodes and paths from which on an update is overdue: programs can make and remove files for days. */
const MANY_TOUCHED = 10_000;

/**
 * What differs between the bases and the mount, by path. The engine says which nodes and names it touched; an
 * update looks at those alone, compares them with the bases as they are, and tells what became of the list.
 */
export class Changes implements ChangeObserver {
  readonly bases: BaseView;
  /** Called when something is touched while nothing was pending, or while so much is that an update is overdue. */
  onPending: () => void = () => undefined;
  readonly #union: Union;
  readonly #log: (level: LogLevel, message: string) => void;
  readonly #changes = new PathTree<Change>();
  readonly #redirects = new Redirects();
  /** Paths of files with several names in the scratch, by their inode numbers there: not all are in memory. */
  readonly #links = new Redirects();
  /** Which base paths were renamed, and to where. */
  readonly #renamed = new PathTree<string>();
  readonly #touchedNodes = new Set<Node>();
  #equal: Set<string> | null = null;
  /** Paths to look at; true: with everything below. */
  readonly #touchedPaths = new Map<string, boolean>();
  #upserted = new Map<string, Change>();
  #removed = new Set<string>();
  #revision = 0;
  readonly #totals: Totals = { changed: 0, created: 0, whiteout: 0, renamed: 0, metadata: 0, storedBytes: 0 };

  constructor(union: Union, log: (level: LogLevel, message: string) => void) {
    this.#union = union;
    this.#log = log;
    this.bases = new BaseView(union);
    this.#touchedPaths.set('', true);
  }

  touchNode(node: Node): void {
    node.edits++;
    this.#announce();
    if (this.#touchedNodes.has(node)) return;
    this.#touchedNodes.add(node);
    // Now, as it may lose the name that it is known by before the next update.
    for (const path of this.namesInScratch(node)) this.touchPath(path);
  }

  touchName(parent: Node, name: string): void {
    this.#announce();
    const path = joinPath(parent.path, name);
    if (!this.#touchedPaths.has(path)) this.#touchedPaths.set(path, false);
  }

  touchTree(parent: Node, name: string): void {
    this.#announce();
    this.#touchedPaths.set(joinPath(parent.path, name), true);
  }

  /** Looks at everything anew at the next update. */
  touchAll(): void {
    this.#touchedPaths.set('', true);
    for (const [path] of this.#changes.entries()) this.#touchedPaths.set(path, false);
  }

  /** Whether something was touched since the last update. */
  get touched(): boolean {
    return this.#touchedNodes.size > 0 || this.#touchedPaths.size > 0;
  }

  /** Whether so much was touched since the last update that the next should not wait for somebody to ask. */
  get overdue(): boolean {
    return this.#touchedNodes.size + this.#touchedPaths.size >= MANY_TOUCHED;
  }

  /** Whether an update has something to do. */
  get pending(): boolean {
    return this.touched || this.#union.looseIndex.size > 0 || this.#union.covered.hasDoubts;
  }

  /** Whether nothing differed at the last update, and nothing was touched since. */
  get isEmpty(): boolean {
    return !this.pending && this.#changes.entries().next().done === true;
  }

  get revision(): number {
    return this.#revision;
  }

  get totals(): Totals {
    return { ...this.#totals };
  }

  /** All changes as of the last update, in the order of their paths. */
  list(): ChangeList {
    return {
      revision: this.#revision,
      changes: [...this.#changes.entries()].map(([, change]) => change),
      totals: this.totals,
    };
  }

  /** Changes at and below a byte path. */
  *below(path: string): Generator<[string, Change]> {
    yield* this.#changes.entries(path);
  }

  get(path: string): Change | undefined {
    return this.#changes.get(path);
  }

  /** Calls `use` with the directory node and the name of a path of the list. @throws FsError ENOENT */
  at<T>(path: string, use: (parent: Node, name: string) => T): T {
    const result = this.ifThere(path, (parent, name) => ({ value: use(parent, name) }));
    if (result === null) throw new FsError(E.ENOENT, toText(path));
    return result.value;
  }

  /** As {@link at}, but does nothing and returns null when there is no such directory. */
  ifThere<T>(path: string, use: (parent: Node, name: string) => T): T | null {
    const visited: Node[] = [];
    try {
      const place = this.#walk(path, visited);
      return place?.parent == null ? null : use(place.parent, place.name);
    } finally {
      for (const node of visited.reverse()) this.#union.release(node);
    }
  }

  /** The base path behind a path of the mount; null when nothing of the bases is. */
  basePath(path: string): string | null {
    return this.at(path, (parent, name) => this.#basePath(parent, name, path));
  }

  /** An undone discard brought a renamed entry back. */
  renameRestored(from: string, path: string): void {
    this.#claim(from, path);
    this.touchTreeAt(path);
  }

  /** A discard put an entry back where the base has it. */
  forgetRename(from: string): void {
    this.renameCommitted(from, null);
    this.touchPath(this.unionPath(from));
  }

  /** A commit moved a base entry, so that what was renamed from `from` now comes from `to` (or from nowhere else). */
  renameCommitted(from: string, to: string | null): void {
    const path = this.#renamed.get(from);
    this.#renamed.delete(from);
    if (path === undefined) return;
    if (to !== null) this.#renamed.set(to, path);
    this.touchPath(path);
    this.touchPath(this.unionPath(from));
  }

  /** Looks at a path and all below it at the next update. */
  touchTreeAt(path: string): void {
    this.#touchedPaths.set(path, true);
  }

  /** Where in the mount a base path shows, unless something hides it there. */
  shownAt(basePath: string): string {
    return this.#renamed.get(basePath) ?? this.unionPath(basePath);
  }

  /** Looks at a path at the next update. */
  touchPath(path: string): void {
    if (!this.#touchedPaths.has(path)) this.#touchedPaths.set(path, false);
  }

  /** Paths of entries that were renamed from what is, in the bases, at or below this path of the mount. */
  renamesFrom(path: string): string[] {
    const basePath = this.targetPath(path);
    return basePath === null ? [] : this.renamedOutOf(basePath);
  }

  /**
   * The base path in whose place a path of the mount is, also when what the bases have there was renamed; null for what is in
   * a directory that the bases do not have, or that is gone.
   */
  targetPath(path: string): string | null {
    return this.ifThere(path, (parent, name) => {
      const above = this.basePathOfDir(parent);
      return above === null ? null : joinPath(above, name);
    });
  }

  /** Paths of entries whose records lead to a base path or below it. */
  redirectedTo(basePath: string): string[] {
    return this.#redirects.leadingTo(basePath);
  }

  /** Paths under which the scratch had a node with several names at the last update. */
  namesInScratch({ linkedIno }: Node): string[] {
    return linkedIno === 0 ? [] : this.#links.leadingTo(String(linkedIno));
  }

  /** The record of the entry at a path leads to another base path now. */
  noteRedirect(path: string, basePath: string): void {
    this.#redirects.set(path, basePath);
  }

  /**
   * Has the record of what is at a path lead to another name of its base file, when a commit has taken the one that it led to.
   *
   * @param place where the base has the file in the path's own place
   */
  followName(path: string, node: Node, place: BasePlace | null = null): void {
    const redirect = bookPlace(this.#union, this.bases, node, place);
    if (redirect === null) return;
    for (const each of [path, ...this.namesInScratch(node)]) this.noteRedirect(each, redirect);
  }

  /** Paths of entries that were renamed from what is, in the bases, at or below this base path. */
  renamedOutOf(basePath: string): string[] {
    return [...this.#renamed.entries(basePath)].map(([, to]) => to);
  }

  /** Brings the list up to date. */
  *update(): Job<void> {
    const links = new BaseLinks(this.#union);
    do {
      yield* this.#evaluateTouched();
      yield* settleLooseIndex(this.#union, this, links);
      yield* settleDoubts(this.#union, this);
    } while (this.pending);
    this.#union.dirFds.dropUnused();
    this.#union.covered.compact();
  }

  /** As {@link update}; returns the paths at which it found in the scratch what equals the base's. */
  *updateForEqual(): Job<string[]> {
    const equal = new Set<string>();
    this.#equal = equal;
    try {
      yield* this.update();
    } finally {
      this.#equal = null;
    }
    return [...equal];
  }

  *#evaluateTouched(): Job<void> {
    this.bases.clear();
    this.#takeNodes();
    for (;;) {
      const next = this.#touchedPaths.entries().next().value;
      if (next === undefined) break;
      const [path, deep] = next;
      this.#touchedPaths.delete(path);
      let looked = false;
      try {
        yield* this.#evaluate(path, deep);
        looked = true;
      } finally {
        // Cancelled on the way: the next update looks at it again.
        if (!looked) this.#touchedPaths.set(path, deep || this.#touchedPaths.get(path) === true);
      }
      this.#takeNodes();
      yield undefined;
    }
  }

  /** What became of the list since this was last asked, or null when it is as it was. */
  takeDelta(): ChangeDelta | null {
    if (this.#upserted.size === 0 && this.#removed.size === 0) return null;
    const upserted = [...this.#upserted.values()];
    const removed = [...this.#removed].map(toText);
    this.#upserted = new Map();
    this.#removed = new Set();
    this.#revision++;
    return { revision: this.#revision, upserted, removed, totals: this.totals };
  }

  #announce(): void {
    if (!this.touched || this.overdue) this.onPending();
  }

  #takeNodes(): void {
    for (const node of this.#touchedNodes) {
      if (!node.orphan) {
        this.touchName(node.parent ?? node, node.name);
        node.aliases?.forEach((alias) => this.touchName(alias.parent, alias.name));
      }
      for (const path of this.namesInScratch(node)) this.touchPath(path);
    }
    this.#touchedNodes.clear();
  }

  *#evaluate(path: string, deep: boolean): Job<void> {
    // Held, as the kernel may forget them between two steps.
    const held: Node[] = [];
    try {
      const place = this.#walk(path, held);
      for (const node of held) this.#union.remember(node);
      if (place === null) this.#removeTree(path);
      else if (place.parent === null) yield* this.#evaluateChildren(this.#union.root, '');
      else yield* this.#evaluateName(path, place.parent, place.name, deep, held);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#log('error', `${toText(path)}: cannot be compared with its base: ${error.message}`);
      this.#put(path, 'changed', { type: S_IFREG, size: 0, storedBytes: 0, mtime: 0 });
    } finally {
      for (const node of held.reverse()) this.#union.forget(node.id, 1);
    }
  }

  /** Finds the directory that holds a path; null when that is gone. */
  #walk(path: string, visited: Node[]): { parent: Node | null; name: string } | null {
    if (path === '') return { parent: null, name: '' };
    const names = path.split('/');
    const name = names.pop()!;
    let parent = this.#union.root;
    for (const each of names) {
      const next = this.#union.lookup(parent, each);
      if (next?.dir == null) return null;
      visited.push(next);
      parent = next;
    }
    return { parent, name };
  }

  *#evaluateName(path: string, parent: Node, name: string, deep: boolean, held: Node[]): Job<void> {
    const before = this.#changes.get(path)?.kind;
    const basePath = this.#basePath(parent, name, path);
    const node = this.#union.lookup(parent, name);
    if (node !== null) {
      this.#union.remember(node);
      held.push(node);
    }
    this.#redirects.set(path, node?.record?.redirect ?? null);
    this.#links.set(path, node !== null && node.linkedIno > 0 ? String(node.linkedIno) : null);
    yield* this.#evaluateNode(path, node, basePath, deep);
    if (basePath === null || this.#changes.get(path)?.kind === before) return;
    // What is another name of it may be all that is left of it now.
    for (const other of this.redirectedTo(basePath)) if (other !== path) this.touchPath(other);
  }

  *#evaluateNode(path: string, node: Node | null, basePath: string | null, deep: boolean): Job<void> {
    const stat = new Stat();
    const place = basePath === null ? null : this.bases.stat(basePath, stat);
    if (node === null) {
      this.#removeBelow(path);
      if (place === null) this.#remove(path);
      else this.#put(path, 'whiteout', { ...factsOf(stat.type, stat, 0), mtime: 0 });
      return;
    }
    if (!node.upper) {
      this.#removeTree(path);
      return;
    }
    yield* this.#evaluateUpper(path, node, basePath, place === null ? null : { place, stat });
    if (node.dir === null || node.damage !== null) this.#removeBelow(path);
    else if (deep) {
      for (const [each] of this.#changes.entries(path)) if (each !== path) this.touchPath(each);
      yield* this.#evaluateChildren(node, path);
    } else yield* this.#touchHidden(node, path);
  }

  *#evaluateUpper(
    path: string,
    node: Node,
    basePath: string | null,
    base: { place: NonNullable<ReturnType<BaseView['stat']>>; stat: Stat } | null,
  ): Job<void> {
    const mine = new Stat();
    this.#union.clearFresh();
    this.#union.statBacking(node, mine);
    const facts = factsOf(node.type, mine, storedBytes(this.#union, node, mine));
    const inPlace = base !== null && isCopyOf(node, base.place, base.stat);
    this.followName(path, node, inPlace ? base.place : null);
    const from = inPlace ? null : this.#renamedFrom(node, path, basePath);
    const damage = damageOf(this.#union, node);
    if (from !== null) {
      this.#put(path, 'renamed', facts, { from, damage });
    } else if (damage !== null) {
      this.#put(path, base === null ? 'created' : 'changed', facts, { damage });
    } else if (base === null) {
      this.#put(path, 'created', facts);
    } else {
      const difference = yield* compare(this.#union, this.bases, node, mine, base.place, base.stat);
      let kind = difference === 'links' ? 'metadata' : difference;
      if (difference === 'links' && this.#bookNames(node, base.place, base.stat, mine)) {
        kind = 'none';
        for (const name of this.namesInScratch(node)) if (name !== path) this.touchPath(name);
      }
      if (kind === 'none') {
        this.#remove(path);
        this.#equal?.add(path);
        bookEqual(this.#union, node, base.place, base.stat, mine);
      } else this.#put(path, kind, facts);
      indexCopy(this.#union, node, base.place, base.stat);
    }
  }

  #bookNames(node: Node, place: BasePlace, base: Stat, mine: Stat): boolean {
    const paths = this.namesInScratch(node).flatMap(
      (name) => this.ifThere(name, () => this.basePath(name)) ?? [],
    );
    return bookNames(this.#union, this.bases, node, place, base, mine, paths);
  }

  /**
   * The base path that a node came from by a rename; null when it is in its place, or a mere link to what still is or
   * was renamed already.
   */
  #renamedFrom(node: Node, path: string, basePath: string | null): string | null {
    const { record } = node;
    if (record?.redirect == null || record.redirect === basePath) return null;
    const claimant = this.#renamed.get(record.redirect);
    if (claimant !== undefined && claimant !== path && this.isNameOf(node, claimant)) return null;
    // While a commit has it out of the way, the name that it has there is no user's.
    if (claimant === path && isDetour(record.redirect)) return record.redirect;
    return this.hasStayed(node, path, record.redirect) ? null : record.redirect;
  }

  /** Whether what has a name at `path` has another still where the bases have it. */
  hasStayed(node: Node, path: string, basePath: string): boolean {
    const place = this.unionPath(basePath);
    // It can have come back to its path in another directory.
    return place !== path && this.isNameOf(node, place);
  }

  /** Whether a path is a name of a node, also one that was not looked up yet. */
  isNameOf(node: Node, path: string): boolean {
    const visited: Node[] = [];
    const place = this.#walk(path, visited);
    const there = place?.parent ? this.#union.lookup(place.parent, place.name) : null;
    if (there !== null) visited.push(there);
    for (const each of visited.reverse()) if (each !== node) this.#union.release(each);
    return there === node;
  }

  /** Where in the mount a base path shows, given the directories above it that were renamed. */
  unionPath(basePath: string): string {
    for (let end = basePath.lastIndexOf('/'); end > 0; end = basePath.lastIndexOf('/', end - 1)) {
      const moved = this.#renamed.get(basePath.slice(0, end));
      if (moved !== undefined) return moved + basePath.slice(end);
    }
    return basePath;
  }

  /** The base path that stands behind a name of the mount; null when nothing of the bases does. */
  #basePath(parent: Node, name: string, path: string): string | null {
    const above = this.basePathOfDir(parent);
    if (above === null) return null;
    const basePath = joinPath(above, name);
    const renamedTo = this.#renamed.get(basePath);
    return renamedTo !== undefined && renamedTo !== path ? null : basePath;
  }

  /** The base path of a directory of the mount; null for one that the bases do not have. */
  basePathOfDir(node: Node): string | null {
    if (node.parent === null) return '';
    if (node.record?.redirect != null) return node.record.redirect;
    return this.#basePath(node.parent, node.name, node.path);
  }

  *#evaluateChildren(node: Node, path: string): Job<void> {
    for (const name of [...this.#union.upperNames(node).keys()]) {
      this.#touchedPaths.set(joinPath(path, name), true);
    }
    yield* this.#touchHidden(node, path);
    yield undefined;
  }

  /** A directory that does not merge with its base's hides entries that have no whiteout of their own. */
  *#touchHidden(node: Node, path: string): Job<void> {
    if (dirOf(node).lowers.length > 0) return;
    const basePath = this.basePathOfDir(node);
    if (basePath === null) return;
    const upper = this.#union.upperNames(node);
    for (const name of yield* this.bases.names(basePath)) {
      if (!upper.has(name)) this.touchPath(joinPath(path, name));
    }
  }

  #put(
    path: string,
    kind: ChangeKind,
    { type, size, storedBytes, mtime }: Facts,
    { from, damage }: { from?: string; damage?: string | null } = {},
  ): void {
    const change: Change = {
      path: toText(path),
      ...(from === undefined ? {} : { from: toText(from) }),
      kind,
      type: fileType(type),
      size,
      storedBytes,
      mtime,
      ...(damage == null ? {} : { damage }),
    };
    const before = this.#changes.get(path);
    if (before === undefined || !sameChange(before, change)) {
      this.#unbook(path, before);
      this.#changes.set(path, change);
      this.#totals[kind]++;
      this.#totals.storedBytes += storedBytes;
      this.#removed.delete(path);
      this.#upserted.set(path, change);
    }
    // A commit that moved it, before it was renamed back, has taken the claim away, but left it in the list.
    if (from !== undefined && this.#renamed.get(from) !== path) this.#claim(from, path);
  }

  #remove(path: string): void {
    const before = this.#changes.get(path);
    if (before === undefined) return;
    this.#unbook(path, before);
    this.#changes.delete(path);
    this.#upserted.delete(path);
    this.#removed.add(path);
  }

  #unbook(path: string, change: Change | undefined): void {
    if (change === undefined) return;
    this.#totals[change.kind]--;
    this.#totals.storedBytes -= change.storedBytes;
    const from = change.from === undefined ? undefined : toBytes(change.from);
    if (from === undefined || this.#renamed.get(from) !== path) return;
    this.#renamed.delete(from);
    this.#touchedPaths.set(this.unionPath(from), true);
    for (const other of this.redirectedTo(from)) if (other !== path) this.touchPath(other);
  }

  /** Books a rename; what is at the old place now has no base there any more. */
  #claim(from: string, path: string): void {
    this.#renamed.set(from, path);
    this.#touchedPaths.set(this.unionPath(from), true);
  }

  #removeTree(path: string): void {
    this.#remove(path);
    this.#removeBelow(path);
  }

  #removeBelow(path: string): void {
    this.#redirects.removeBelow(path);
    this.#links.removeBelow(path);
    for (const [each] of [...this.#changes.entries(path)]) if (each !== path) this.#remove(each);
  }
}

function factsOf(type: number, { size, mtime, mtimeNsec }: Stat, stored: number): Facts {
  if (type === S_IFDIR) return { type, size: 0, storedBytes: 0, mtime: 0 };
  return { type, size, storedBytes: stored, mtime: mtime * 1000 + mtimeNsec / 1e6 };
}

function sameChange(a: Change, b: Change): boolean {
  return (
    a.kind === b.kind &&
    a.type === b.type &&
    a.size === b.size &&
    a.storedBytes === b.storedBytes &&
    a.mtime === b.mtime &&
    a.from === b.from &&
    a.damage === b.damage
  );
}

const fileTypes = new Map<number, FileType>([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
  [S_IFCHR, 'char'],
  [S_IFBLK, 'block'],
]);

/** A file type for people and JSON, from the type bits of a mode. */
export function fileType(type: number): FileType {
  return fileTypes.get(type) ?? 'file';
}
