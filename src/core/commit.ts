import { CowspaceError } from '../protocol/errors';
import type { Change, CommitParams, CommitResult, Conflict, PlanItem } from '../protocol/messages';
import { toBytes, toText } from '../sys/bytes';
import { check, E, FsError } from '../sys/errno';
import { S_IFLNK, S_IFREG, Stat, statAt } from '../sys/stat';
import { readlink } from './attributes';
import { type BasePlace, pathOf } from './baseView';
import { BaseWriter, type Source } from './baseWriter';
import type { Changes } from './changes';
import { copyUpName, copyUpOrphans } from './copyup';
import { linkKey } from './linkKeys';
import { originOf } from './origin';
import { setRecord } from './upperAccess';
import { isCopyOf } from './compare';
import { detourName, isDetour } from './detours';
import { writeContents } from './contents';
import { type Job, runToEnd } from './job';
import { type BaseMove, CommitJournal } from './journal';
import { recheck } from './linkCounts';
import type { Node } from './node';
import {
  completeSelection,
  ConflictFinder,
  makesDirectory,
  planItem,
  selectChanges,
  type Step,
} from './plan';
import {
  adoptLowers,
  type BaseInode,
  coverRoot,
  dropUpper,
  dropWhiteout,
  moveIndex,
  pruneDirectory,
  settleMove,
  uncover,
} from './settle';
import { dirOf, type Union } from './union';

/** How many written files wait for their directories to be made durable together. */
const BATCH = 128;

/** Moves changes into the bases; see docs/ARCHITECTURE.md for the order and what a crash leaves. */
export function* commit(u: Union, changes: Changes, params: CommitParams): Job<CommitResult> {
  yield* changes.update();
  const selected = selectChanges(changes, params.paths);
  yield* completeSelection(changes, selected);
  const steps = inOrder([...selected].map(([path, change]) => ({ path, change })));
  const finder = new ConflictFinder(u, changes);
  const conflicts: Conflict[] = [];
  const clear: Step[] = [];
  for (const step of steps) {
    if (changes.pending) yield* changes.update();
    // What became something else meanwhile is looked at when its turn comes.
    const conflict = isOther(step.change, changes.get(step.path)) ? null : yield* finder.find(step);
    if (conflict === null) clear.push(step);
    else conflicts.push(conflict);
    yield undefined;
  }
  const possible = yield* withoutDependents(changes, clear, conflicts);
  if (params.dryRun) return { items: possible.map((step) => planItem(step.change)), conflicts };
  if (conflicts.length > 0 && !params.skipConflicts) throw conflictError(conflicts);
  const committer = new Committer(u, changes);
  const items: PlanItem[] = [];
  try {
    for (const [done, step] of possible.entries()) {
      yield { done, total: possible.length, path: step.change.path };
      // Users of the mount and of the base went on meanwhile, and a step can include others.
      yield* changes.update();
      const change = changes.get(step.path) ?? committer.unfinished(step);
      let conflict = change === undefined ? null : deletedMeanwhile(step, change);
      if (change !== undefined) conflict ??= yield* finder.find({ path: step.path, change });
      // Looking into a deleted directory takes a while.
      if (changes.touched) yield* changes.update();
      if (change !== undefined && isOther(change, changes.get(step.path) ?? committer.unfinished(step)))
        conflict ??= { path: toText(step.path), reason: CHANGED_MEANWHILE };
      if (conflict !== null) conflicts.push(conflict);
      else if (change !== undefined) yield* committer.apply({ path: step.path, change });
      if (committer.missed.has(step.path))
        conflicts.push({ path: toText(step.path), reason: CHANGED_MEANWHILE });
      else if (committer.applied.has(step.path) || committer.relocated.has(step.path))
        items.push(planItem(step.change));
    }
    yield* committer.finish();
  } catch (error) {
    throw readOnlyError(error) ?? error;
  } finally {
    // Cancelled or failed on the way.
    runToEnd(committer.finish());
  }
  yield* changes.update();
  if (changes.isEmpty) u.commitTimes.clear();
  else u.commitTimes.compact();
  return { items, conflicts };
}

const CHANGED_MEANWHILE = 'it was changed while it was committed';

/** Whether something else is to be done than for this change; what is written may have been written to. */
function isOther(change: Change, now: Change | undefined): boolean {
  if (change.kind === 'whiteout') return now !== change;
  return now?.kind !== change.kind || now.from !== change.from;
}

function readOnlyError(error: unknown): CowspaceError | null {
  if (!(error instanceof FsError) || error.errno !== E.EROFS) return null;
  return new CowspaceError(
    'denied',
    `The base is on a file system that is mounted read-only (${error.message}). ` +
      'The changes stay in the scratch: make it writable, and commit again.',
  );
}

/** Nobody was asked about a deletion that was not in the plan. */
function deletedMeanwhile(step: Step, change: Change): Conflict | null {
  if (change.kind !== 'whiteout' || step.change.kind === 'whiteout') return null;
  return { path: toText(step.path), reason: 'it was deleted while it was committed' };
}

function conflictError(conflicts: Conflict[]): CowspaceError {
  const list = conflicts.map(({ path, reason }) => `${path}: ${reason}`).join('\n  ');
  return new CowspaceError(
    'conflict',
    `Nothing was committed: the base moved under ${conflicts.length === 1 ? 'one path' : `${conflicts.length} paths`}.\n` +
      `  ${list}\n` +
      'Commit the rest with --skip-conflicts, or discard these paths to see the base as it is now.',
    { conflicts },
  );
}

/** Renames first, then removals, then what is written, parents before children, directories' metadata last. */
function inOrder(steps: Step[]): Step[] {
  const rank = ({ change }: Step): number => {
    if (change.kind === 'renamed') return 0;
    if (change.kind === 'whiteout') return 1;
    return change.kind === 'metadata' && change.type === 'directory' ? 3 : 2;
  };
  return steps.sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
}

/**
 * What lies below a new directory that cannot be made cannot be made either, nor what takes the place in the base of
 * something that was renamed and must stay there.
 */
function* withoutDependents(changes: Changes, steps: Step[], conflicts: readonly Conflict[]): Job<Step[]> {
  const blocked = new Set(conflicts.map(({ path }) => toBytes(path)));
  let left = steps;
  for (let before = 0; before < blocked.size;) {
    before = blocked.size;
    const possible: Step[] = [];
    for (const step of left) {
      const { path, change } = step;
      const replaced = change.kind === 'metadata' ? [] : changes.renamesFrom(path);
      const moved = change.from === undefined ? [] : changes.renamedOutOf(toBytes(change.from));
      const needed = [...pathsAbove(path), ...replaced, ...moved];
      if (needed.some((each) => each !== path && blocked.has(each))) blocked.add(path);
      else possible.push(step);
      yield undefined;
    }
    left = possible;
  }
  return left;
}

/** A file that is in the base already and leaves the scratch once the base's directories are durable. */
interface Written {
  readonly node: Node;
  readonly path: string;
  /** Not its place: that may move, and another entry come there. */
  readonly inode: BaseInode;
  /** The node's {@link Node.edits} that are in the base. */
  readonly edits: number;
}

/** Directories above a path, the uppermost first. */
function pathsAbove(path: string): string[] {
  return [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));
}

class Committer {
  /** Paths whose entries are in the base. */
  readonly applied = new Set<string>();
  /** Renamed entries that are in their places in the base, with the contents that they had there. */
  readonly relocated = new Set<string>();
  /** Files that users changed while they were being written, and which are in the base as they were before. */
  readonly missed = new Set<string>();
  readonly #union: Union;
  readonly #changes: Changes;
  readonly #writer: BaseWriter;
  readonly #journal: CommitJournal;
  readonly #written: Written[] = [];
  #finished = false;
  /** Directories that were made or changed, whose times and modes come when their children are in. */
  readonly #directories: string[] = [];
  /** Where the last name of a node with several was written, as which inode, and which of its {@link Node.edits}. */
  readonly #links = new Map<Node, { place: BasePlace; ino: number; edits: number }>();
  /** Renames under way, to notice a circle. */
  readonly #active = new Set<string>();
  /** New entries for which room is being made. */
  readonly #arriving = new Set<string>();

  constructor(union: Union, changes: Changes) {
    this.#union = union;
    this.#changes = changes;
    this.#writer = new BaseWriter(union, changes.bases);
    this.#journal = new CommitJournal(union.scratch);
  }

  /** The change of a path whose entry was only moved to its place so far; undefined when there is nothing left to do. */
  unfinished({ path, change }: Step): Change | undefined {
    if (!this.relocated.has(path) || this.applied.has(path)) return undefined;
    const exists = this.#changes.ifThere(path, (parent, name) => this.#union.lookup(parent, name) !== null);
    if (!exists) return undefined;
    // What was deleted when the commit began has been replaced since.
    return change.kind === 'whiteout' ? { ...change, kind: 'changed' } : change;
  }

  *apply(step: Step): Job<void> {
    copyUpOrphans(this.#union);
    yield* this.#applyChange(step);
    if (this.#written.length >= BATCH) yield* this.#settle();
  }

  *#applyChange({ path, change }: Step): Job<void> {
    switch (change.kind) {
      case 'renamed':
        yield* this.#applyRename(path);
        return;
      case 'whiteout':
        yield* this.#applyWhiteout(path);
        return;
      case 'created':
      case 'changed':
        yield* this.#applyEntry(path);
        return;
      case 'metadata':
        if (change.type === 'directory' || this.#isBasesOwn(path)) yield* this.#applyMetadata(path);
        else yield* this.#applyEntry(path);
        return;
    }
  }

  /**
   * Whether nothing is to be written to what is no directory but metadata: neither contents, which somebody may have
   * changed since, nor another inode.
   */
  #isBasesOwn(path: string): boolean {
    const stat = new Stat();
    const place = this.#changes.bases.stat(this.#targetPath(path), stat);
    let own = true;
    this.#withNode(path, (node) => {
      const hasContents = node.type === S_IFREG && node.record?.metacopy !== true;
      own = !hasContents && place !== null && isCopyOf(node, place, stat);
    });
    return own;
  }

  /** Lets the scratch forget what the bases have now. To be taken to its end, by a second one if need be. */
  *finish(): Job<void> {
    if (this.#finished) return;
    for (const path of this.applied) {
      this.#adoptAbove(path);
      yield undefined;
    }
    yield* this.#settle();
    for (const { node } of this.#written.splice(0)) this.#union.forget(node.id, 1);
    for (const path of this.#directories.splice(0).reverse()) this.#finishDirectory(path);
    this.#writer.end();
    for (const path of this.applied) {
      this.#pruneAbove(path);
      yield undefined;
    }
    this.#finished = true;
  }

  /** Directories that hid nothing but what is committed now show the base's side again, the uppermost first. */
  #adoptAbove(path: string): void {
    for (const above of pathsAbove(path)) {
      this.#withNode(above, (node) => {
        if (node.dir?.opaque) adoptLowers(this.#union, node);
      });
    }
  }

  #pruneAbove(path: string): void {
    const prune = (node: Node): void => {
      if (node.dir !== null) pruneDirectory(this.#union, node);
    };
    const slash = path.lastIndexOf('/');
    if (slash > 0) this.#withNode(path.slice(0, slash), prune);
    this.#withNode(path, prune);
  }

  *#applyWhiteout(path: string): Job<void> {
    this.applied.add(path);
    const basePath = this.#changes.basePath(path);
    if (basePath === null) return;
    this.#moveOut(basePath, path);
    yield* this.#writer.remove(basePath);
    this.#writer.flush();
    this.#changes.ifThere(path, (parent, name) => {
      dropWhiteout(this.#union, parent, name);
    });
    this.#changes.touchPath(path);
  }

  *#applyRename(path: string): Job<void> {
    this.#relocate(path);
    if (this.#isBasesOwn(path)) yield* this.#applyMetadata(path);
    else yield* this.#applyEntry(path);
  }

  /** Moves what was renamed to its place in the base. */
  #relocate(path: string): void {
    if (this.#changes.get(path)?.kind !== 'renamed' || this.#active.has(path)) return;
    if (pathsAbove(path).some((above) => this.#arriving.has(above))) {
      this.#detour(path);
      return;
    }
    this.#active.add(path);
    this.#makeParents(path);
    this.#withNode(path, (node) => {
      const target = this.#clearedTarget(path);
      const from = node.record?.redirect;
      if (from != null && node.dir !== null) this.#moveOut(from, path);
      // It replaces a directory that it was in.
      if (node.record?.redirect?.startsWith(`${target}/`)) this.#detour(path);
    });
    const to = this.#clearedTarget(path);
    this.#withNode(path, (node) => {
      const from = node.record?.redirect;
      // Something that was renamed may be another name now of what came to its old place.
      if (from == null || from === to) return;
      if (!isDetour(from) && this.#changes.hasStayed(node, path, from)) return;
      this.#moveBase(node, { path, from, to, oldPath: this.#changes.unionPath(from), detour: false });
      this.relocated.add(path);
    });
    this.#active.delete(path);
  }

  /** Directories above that only the scratch has. */
  #makeParents(path: string): void {
    for (const above of pathsAbove(path)) {
      const change = this.#changes.get(above);
      if (change !== undefined && makesDirectory(change)) this.#makeDirectory(above);
    }
  }

  #makeDirectory(path: string): void {
    if (this.applied.has(path)) return;
    this.applied.add(path);
    this.#makeParents(path);
    const target = this.#makeRoom(path);
    this.#withNode(path, (node) => this.#writeDirectory(path, node, target));
  }

  /** The base path that an entry will have; its directory is in the base by now. */
  #targetPath(path: string): string {
    const target = this.#changes.targetPath(path);
    if (target === null) throw new FsError(E.ENOENT, toText(path));
    return target;
  }

  /** As {@link #targetPath}, where nothing is that the mount has elsewhere. Making room there can move that place. */
  #clearedTarget(path: string): string {
    for (;;) {
      const target = this.#targetPath(path);
      this.#moveOut(target, path);
      if (this.#targetPath(path) === target) return target;
    }
  }

  /** Makes room for a new entry; returns its base path. */
  #makeRoom(path: string): string {
    this.#arriving.add(path);
    const target = this.#clearedTarget(path);
    this.#arriving.delete(path);
    return target;
  }

  /**
   * What the base has at or below a path, and the mount has elsewhere, goes there before something is done to that
   * path for another entry. A circle is cut by a detour.
   */
  #moveOut(basePath: string, path: string): void {
    for (const other of this.#changes.renamedOutOf(basePath)) {
      if (other === path) continue;
      if (this.#active.has(other)) this.#detour(other);
      else this.#relocate(other);
    }
  }

  #detour(path: string): void {
    this.#withNode(path, (node) => {
      const from = node.record?.redirect;
      if (from != null && node.dir !== null) this.#moveOut(from, path);
    });
    this.#withNode(path, (node) => {
      const from = node.record?.redirect;
      if (from == null) return;
      const oldPath = this.#changes.unionPath(from);
      const to = detourName();
      coverRoot(this.#union, to);
      this.#moveBase(node, { path, from, to, oldPath, detour: true });
    });
  }

  /** Renames in the base and in the scratch's books; the journal makes one step of the two. */
  #moveBase(node: Node, move: BaseMove): void {
    // It will find the base's side by its place, which an opaque directory does not show.
    if (!move.detour && node.parent !== null) uncover(this.#union, node.parent);
    this.#writer.makeRoom(move.from, move.to);
    this.#journal.begin(move);
    const progress = { begun: false };
    try {
      this.#writer.rename(move.from, move.to, () => (progress.begun = true));
    } catch (error) {
      if (!progress.begun) this.#journal.end();
      throw error;
    }
    settleMove(this.#union, this.#changes, node, move);
    this.#journal.end();
  }

  *#applyEntry(path: string): Job<void> {
    if (this.applied.has(path)) return;
    this.applied.add(path);
    this.#makeParents(path);
    const target = this.#makeRoom(path);
    const node = this.#hold(path);
    if (node === null) return;
    try {
      if (node.dir !== null) this.#writeDirectory(path, node, target);
      else yield* this.#writeFile(path, node, target);
    } finally {
      this.#union.forget(node.id, 1);
    }
  }

  /** The node at a path, kept in memory until it is forgotten. */
  #hold(path: string): Node | null {
    return this.#changes.at(path, (parent, name) => {
      const node = this.#union.lookup(parent, name);
      if (node !== null) this.#union.remember(node);
      return node;
    });
  }

  *#writeFile(path: string, node: Node, target: string): Job<void> {
    if (!node.upper) return;
    if (node.record?.metacopy && node.record.redirect === null) {
      yield* this.#applyMetadata(path);
      return;
    }
    if (!(yield* this.#readLinks(path, node, target))) return;
    // So that the start after a crash finds by the scratch what was written.
    this.#changes.ifThere(path, (parent, name) => {
      copyUpName(this.#union, node, parent, name);
    });
    const source = this.#source(node);
    const { edits } = node;
    const original = this.#linkedBase(node);
    const first = original ?? (source.stat.nlink > 1 ? this.#firstLink(node) : undefined);
    const place =
      first === undefined ? this.#writer.place(target) : this.#writer.placeIn(first.dir.layer, target);
    const others = this.#otherLinks(node, place);
    const finish = (): void => {
      this.#noteLink(node, source, place, edits);
      for (const other of others) {
        this.#writer.writeLink(other, place);
        this.#relist(other);
      }
      this.#noteWritten(path, node, place, edits, others);
    };
    if (first !== undefined) {
      this.#writer.writeLink(place, first);
      this.#writer.setMetadata(place, source);
      this.#relist(first);
      finish();
    } else if (node.type === S_IFREG) {
      const stays = (): boolean => node.isAt(path) && node.edits === edits;
      const written = { path, place, source, stays, finish };
      if (!(yield* writeContents(this.#union, this.#writer, node, written))) this.missed.add(path);
    } else {
      this.#writer.writeSpecial(place, source, node.type === S_IFLNK ? readlink(this.#union, node) : '');
      finish();
    }
  }

  /** The base file of which this is one more name, with the same bytes. */
  #linkedBase(node: Node): BasePlace | undefined {
    const { record } = node;
    if (!record?.metacopy || record.redirect === null) return undefined;
    return this.#changes.bases.stat(record.redirect, new Stat()) ?? undefined;
  }

  /** What the base has of the same inode already: written under another name, or unchanged where it came from. */
  #firstLink(node: Node): BasePlace | undefined {
    const written = this.#writtenLink(node);
    const from = node.record?.cover === false ? node.record.redirect : null;
    if (written !== undefined || from === null) return written;
    const path = this.#changes.unionPath(from);
    // Under a name that shows the copy in the index, and that the list does not have, it may differ.
    if (!this.#changes.namesInScratch(node).includes(path) || this.#changes.get(path) !== undefined)
      return undefined;
    if (!this.#changes.isNameOf(node, path)) return undefined;
    return this.#changes.bases.stat(from, new Stat()) ?? undefined;
  }

  #noteLink(node: Node, source: Source, place: BasePlace, edits: number): void {
    if (source.stat.nlink === 1) return;
    const stat = new Stat();
    check(statAt(this.#union.dirFds.get(place.dir), place.name, stat), place.name);
    this.#links.set(node, { place, ino: stat.ino, edits });
  }

  /**
   * Where the base has a node with several names that was written under another. It may have been moved since, or users may
   * have changed the node.
   */
  #writtenLink(node: Node): BasePlace | undefined {
    const link = this.#links.get(node);
    if (link?.edits !== node.edits) return undefined;
    const stat = new Stat();
    const there = this.#changes.bases.stat(pathOf(link.place), stat);
    return there?.dir.layer === link.place.dir.layer && stat.ino === link.ino ? there : undefined;
  }

  /** Finds the names of a base inode with several. Returns whether users left the node as and where it was meanwhile. */
  *#readLinks(path: string, node: Node, target: string): Job<boolean> {
    if (node.indexKey === null || this.#writer.hasOneName(node.indexKey)) return true;
    const { edits } = node;
    yield* this.#writer.links.read(node.indexKey);
    if (node.edits === edits && node.isAt(path) && this.#targetPath(path) === target) return true;
    this.missed.add(path);
    return false;
  }

  /** The other names of a base inode with several, which shall show what is written under this one too. */
  #otherLinks(node: Node, place: BasePlace): BasePlace[] {
    if (node.indexKey === null) return this.#otherCopies(node, place);
    return this.#writer.otherNames(node.indexKey, place).filter((other) => {
      const path = this.#changes.shownAt(pathOf(other));
      return this.#changes.isNameOf(node, path);
    });
  }

  /** Other names of a node that the base has as it was copied, or as an earlier commit wrote it. */
  #otherCopies(node: Node, place: BasePlace): BasePlace[] {
    const stat = new Stat();
    return this.#changes.namesInScratch(node).flatMap((path) => {
      const basePath = this.#changes.basePath(path);
      if (basePath === null || basePath === pathOf(place)) return [];
      const there = this.#changes.bases.stat(basePath, stat);
      return there !== null && isCopyOf(node, there, stat) && this.#changes.isNameOf(node, path)
        ? [there]
        : [];
    });
  }

  #relist(place: BasePlace): void {
    this.#changes.touchPath(this.#changes.shownAt(pathOf(place)));
  }

  #writeDirectory(path: string, node: Node, target: string): void {
    if (!node.upper) return;
    const source = this.#source(node);
    const place = this.#writer.place(target);
    const writable = Object.assign(new Stat(), source.stat);
    writable.mode |= 0o700;
    this.#writer.writeDirectory(place, { ...source, stat: writable });
    this.#writer.flush();
    this.#directories.push(path);
    if (node.record !== null) setRecord(this.#union, node, null);
    adoptLowers(this.#union, node);
    this.#changes.touchPath(path);
  }

  *#applyMetadata(path: string): Job<void> {
    this.applied.add(path);
    const target = this.#targetPath(path);
    const node = this.#hold(path);
    if (node === null) return;
    try {
      if (node.dir !== null) this.#directories.push(path);
      else if (yield* this.#readLinks(path, node, target)) this.#writeMetadata(path, node, target);
    } finally {
      this.#union.forget(node.id, 1);
    }
  }

  #writeMetadata(path: string, node: Node, target: string): void {
    const place = this.#changes.bases.stat(target, new Stat());
    if (place === null) throw new FsError(E.ENOENT, toText(path));
    const source = this.#source(node);
    const first = this.#writtenLink(node);
    if (first?.dir.layer === place.dir.layer) this.#writer.writeLink(place, first);
    this.#writer.setMetadata(place, source);
    const others = this.#otherLinks(node, place);
    for (const other of others) this.#relist(other);
    this.#noteLink(node, source, place, node.edits);
    this.#noteWritten(path, node, place, node.edits, others);
  }

  /** From here on the base's file is the origin of the scratch's, should the commit end before the scratch lets go. */
  #noteWritten(
    path: string,
    node: Node,
    place: BasePlace,
    edits: number,
    others: readonly BasePlace[],
  ): void {
    const stat = new Stat();
    check(statAt(this.#union.dirFds.get(place.dir), place.name, stat), toText(path));
    const origin = originOf(place.dir.layer, stat);
    const several = this.#source(node).stat.nlink > 1;
    this.#union.deltas.drop(node);
    if (node.indexKey !== null) {
      const key = linkKey(place.dir.layer, stat);
      moveIndex(this.#union, node, key);
      this.#writer.links.learn(key, [place, ...others].map(pathOf));
      this.#union.covered.suspect(key, { layer: place.dir.layer, path: pathOf(place) });
    }
    setRecord(this.#union, node, {
      metacopy: node.record?.metacopy ?? false,
      delta: node.record?.delta ?? null,
      // What lies in a directory of the scratch alone does not stand on the bases: it can go elsewhere with that.
      cover: !several && node.parent !== null && dirOf(node.parent).lowers.length === 0,
      origin,
      redirect: several ? pathOf(place) : null,
      coveredAt: null,
    });
    node.lowerDir = place.dir;
    node.lowerName = place.name;
    // Users may have given it others meanwhile, or moved them.
    for (const name of this.#changes.namesInScratch(node)) this.#changes.touchPath(name);
    this.#union.tellNewNumber(node);
    // Its names count at once: users look between two steps.
    for (const each of [place, ...others])
      recheck(this.#union, this.#changes, { layer: each.dir.layer, path: pathOf(each) });
    this.#union.remember(node);
    this.#written.push({ node, path, inode: { layer: place.dir.layer, ino: stat.ino }, edits });
  }

  *#settle(): Job<void> {
    this.#writer.flush();
    for (let left = this.#written.length; left > 0; left--) {
      const written = this.#written.shift()!;
      const { node, path, inode, edits } = written;
      // Changed again meanwhile: it stays, as a change against what is in the base now.
      const unchanged = node.upper && node.isAt(path) && node.edits === edits;
      if (unchanged && !dropUpper(this.#union, node, inode)) this.#written.push(written);
      else this.#union.forget(node.id, 1);
      this.#changes.touchPath(path);
      yield undefined;
    }
  }

  #finishDirectory(path: string): void {
    this.#withNode(path, (node) => {
      if (node.dir === null || !node.upper) return;
      // Where it is by now: directories above may have been moved since.
      const basePath = this.#changes.basePathOfDir(node);
      const place = basePath === null ? null : this.#changes.bases.stat(basePath, new Stat());
      if (place !== null) this.#writer.setMetadata(place, this.#source(node));
      this.#changes.touchPath(path);
    });
  }

  #source(node: Node): Source {
    const union = this.#union;
    const stat = new Stat();
    const { fd, name } = union.upperPlace(node);
    check(statAt(fd, name, stat), node.path);
    // A file is written in steps: a descriptor is valid until the next is asked for, and one of several names may go.
    return {
      get fd() {
        return union.upperPlace(node).fd;
      },
      get name() {
        return union.upperPlace(node).name;
      },
      stat,
    };
  }

  /** Does nothing where users removed it meanwhile. */
  #withNode(path: string, use: (node: Node) => void): void {
    this.#changes.ifThere(path, (parent, name) => {
      const node = this.#union.lookup(parent, name);
      if (node === null) return;
      try {
        use(node);
      } finally {
        this.#union.release(node);
      }
    });
  }
}
