import { join } from 'node:path';
import type { Change, ChangeList, PlanItem } from '../../../../src/protocol/messages';
import { toBytes } from '../../../../src/sys/bytes';
import { E, FsError } from '../../../../src/sys/errno';
import { S_IFDIR } from '../../../../src/sys/stat';
import { imageOfPlan } from './baseTree';
import type { Case, Step } from './cases';
import { assertExplains } from './changeOracle';
import { DiskTree } from './diskTree';
import { assertSame, describeEntry, type Image, type Leniency, plant, readEntry, readImage } from './image';
import { MountTree } from './mountTree';
import { type FileOperation, perform } from './operations';
import { EngineSandbox, withDisk } from './sandbox';
import type { Tree } from './tree';

/**
 * A workspace beside a plain directory to which the same is done. Each method throws an Error that says in what the
 * two differ.
 */
export class ModelRun {
  readonly _sandbox: EngineSandbox;
  _model: DiskTree;
  _models = 0;
  /** The bases as nobody but a commit may change them. */
  _bases: Image[];
  /** The model's inode of which the base has, at each path, what was planted or committed there. */
  _sources = new Map<string, string>();
  /** Inode number in the workspace of each inode of the model. */
  readonly _inodes = new Map<string, string>();
  _leniency: Leniency;
  /** The list as a client knows it that is told what becomes of it. */
  readonly _told = new Map<string, Change>();

  constructor({ bases, deltaThreshold, whiteouts }: Omit<Case, 'steps' | 'ending'>) {
    this._sandbox = new EngineSandbox(bases.length, { deltaThreshold });
    if (whiteouts === 'xattr') this._sandbox.presetXattrWhiteouts();
    bases.forEach((plan, i) => {
      withDisk(this._sandbox.bases[i]!, (tree) => plant(imageOfPlan(plan), tree));
    });
    this._bases = this._readBases();
    this._model = this._plantModel(this._sandbox.baseImage());
    this._leniency = { links: bases.length > 1 };
  }

  dispose(): void {
    this._model.close();
    this._sandbox.dispose();
  }

  do(step: Step): void {
    switch (step.op) {
      case 'remount':
        this._remount();
        break;
      case 'forget':
        this._forget();
        break;
      case 'bg' as never:
        this.bg((step as any).count);
        break;
      case 'list':
        this.list();
        break;
      case 'commit':
        this._commitSome(step.picks, [...step.meanwhile]);
        break;
      case 'discard':
        this._discardSome(step.picks, step.undo);
        break;
      default:
        this._both(step);
    }
  }

  _bg: any = null;
  bg(count: number): void {
    const { engine } = this._sandbox;
    for (let i = 0; i < count; i++) {
      if (this._bg === null) {
        if (!engine.changes.pending) return;
        this._bg = engine.changes.update();
      }
      if (this._bg.next().done) { this._bg = null; }
    }
    this._sandbox.mount.deliver();
  }
  endBg(): void {
    while (this._bg !== null && !this._bg.next().done);
    this._bg = null;
  }
  /** Compares all that users see, as they know it already and as it is when asked for anew. */
  check(): void {
    const expected = readImage(this._model);
    const cold = this._coldView();
    assertSame('a fresh look at the mount', cold, expected, this._leniency);
    assertSame('the mount', readImage(this._sandbox.mount), expected, this._leniency);
    this._checkHandles();
    this._checkInodes(cold, expected);
    this._checkBases();
    if (this._sandbox.log.length > 0) throw new Error(this._sandbox.log.join('\n'));
  }

  /** The list of changes, compared with what differs. */
  list(): ChangeList {
    this.endBg();
    const view = this._coldView();
    const { changes } = this._sandbox.engine;
    this._sandbox.run(changes.update());
    const delta = changes.takeDelta();
    for (const path of delta?.removed ?? []) this._told.delete(path);
    for (const change of delta?.upserted ?? []) this._told.set(change.path, change);
    const list = changes.list();
    assertExplains(list, this._sandbox.baseImage(), view);
    const told = [...this._told.values()].sort(byPath);
    if (JSON.stringify(told) !== JSON.stringify([...list.changes].sort(byPath))) {
      throw new Error(
        `told changes\n  ${told.map(show).join('\n  ')}\nlist\n  ${list.changes.map(show).join('\n  ')}`,
      );
    }
    return list;
  }

  commitAll(): void {
    this._commit(undefined, []);
    // Contents that were written back are no change, whatever the time.
    const leniency = { ...this._leniency, times: true };
    const model = readImage(this._model);
    const alike = this._linkedToAlike(model);
    const [base, expected] = [this._sandbox.baseImage(), model].map((image) => unlinked(image, alike));
    assertSame('the committed base', base!, expected!, leniency);
    this._expectNoChanges();
    this._remount();
    this.check();
    this._expectNoChanges();
  }

  /** Discards everything, undoes that, and discards it again. */
  discardAll(): void {
    const before = this.list();
    const { items, undoId } = this._sandbox.run(this._sandbox.engine.discard({}));
    this._inodes.clear();
    this._leniency = { ...this._leniency, links: true, directoryTimes: true };
    // Contents that were written back are no change, whatever the time.
    const leniency = { ...this._leniency, times: true };
    const base = this._sandbox.baseImage();
    assertSame('the mount after the discard', this._coldView(), base, leniency);
    assertSame('the mount as known after the discard', readImage(this._sandbox.mount), base, leniency);
    this._checkTimes(items);
    this._expectNoChanges();
    if (undoId === undefined) return;
    this._closeHandles();
    this._undo(undoId, before);
    this._sandbox.run(this._sandbox.engine.discard({}));
    this._remount();
    assertSame('the mount after all', this._coldView(), base, leniency);
  }

  _both(operation: FileOperation): void {
    const o = operation as any;
    const expected = outcome(operation, this._model);
    const actual = outcome(operation, this._sandbox.mount);
    this._sandbox.mount.deliver();
    if (o.uniq !== undefined && actual === expected && !String(actual).startsWith('E')) { for (const t of [this._model, this._sandbox.mount]) perform({op:'write',path:o.path,offset:0,fill:'u'+o.uniq,length:12} as any, t as any); }
    if (actual !== expected) throw new Error(`returned ${actual}, should return ${expected}`);
  }

  _remount(): void {
    this._bg = null;
    this._closeHandles();
    this._sandbox.close();
    this._told.clear();
    this._leniency = { ...this._leniency, links: true };
  }

  _closeHandles(): void {
    this._model.closeHandles();
    this._sandbox.mount.closeHandles();
  }

  /** Whatever the kernel forgot must leave the engine's memory. */
  _forget(): void {
    this.endBg();
    this._closeHandles();
    for (const id of this._sandbox.mount.dropCaches()) {
      if (isKnown(this._sandbox, id)) throw new Error(`node ${id} is in memory, although it was forgotten`);
    }
  }

  _commitSome(picks: readonly number[], meanwhile: FileOperation[]): void {
    const { changes } = this.list();
    if (changes.length === 0) return;
    this._commit(
      picks.map((pick) => changes[pick % changes.length]!.path),
      meanwhile,
    );
  }

  _commit(paths: string[] | undefined, meanwhile: FileOperation[]): void {
    const quiet = meanwhile.length === 0;
    const renamed = this.list().changes.filter(({ kind }) => kind === 'renamed');
    const before = this._sandbox.baseImage();
    this._inodes.clear();
    this._leniency = { ...this._leniency, links: true, directoryTimes: true };
    const job = this._sandbox.engine.commit(paths === undefined ? {} : { paths });
    const { items, conflicts } = this._sandbox.run(job, () => {
      const operation = meanwhile.shift();
      if (operation !== undefined) this._both(operation);
      this._checkView();
      this._inodes.clear();
    });
    const unexpected = conflicts.filter(({ reason }) => quiet || !reason.endsWith('while it was committed'));
    if (unexpected.length > 0) throw new Error(`conflicts: ${JSON.stringify(unexpected)}`);
    this._bases = this._readBases();
    this._inodes.clear();
    this._checkView();
    this._noteSources(items);
    if (quiet) this._checkCommitted(items);
    const { changes } = this.list();
    if (!quiet) return;
    const left = changes.filter((change) => items.some(({ path }) => path === change.path));
    if (left.length > 0) throw new Error(`committed, but still listed:\n  ${left.map(show).join('\n  ')}`);
    const places = items.map((item) => ({ ...item, path: basePathOf(item.path, renamed) }));
    this._checkUntouched('the base', before, this._sandbox.baseImage(), [...items, ...places]);
  }

  /** Names of inodes of which one replaced a base file that was just like it: that is no change. */
  _linkedToAlike(model: Image): Set<string> {
    const odd = new Set(
      [...model]
        .filter(([path, { identity }]) => this._sources.get(path) !== identity)
        .map(([, each]) => each.identity),
    );
    return new Set([...model].filter(([, { identity }]) => odd.has(identity)).map(([path]) => path));
  }

  _noteSources(items: readonly PlanItem[]): void {
    const model = readImage(this._model);
    for (const { path } of items) {
      for (const [each, { identity }] of model) {
        if (each === toBytes(path) || each.startsWith(`${toBytes(path)}/`)) this._sources.set(each, identity);
      }
    }
  }

  /** What was committed is no longer in the scratch. */
  _checkCommitted(items: readonly PlanItem[]): void {
    const view = this._coldView();
    const upper = withDisk(join(this._sandbox.scratch, 'upper'), readImage);
    for (const { path, type } of items) {
      // An inode stays as long as one of its names was not committed.
      const left = view.has(toBytes(path)) && upper.get(toBytes(path))?.nlink === 1;
      if (left && type !== 'directory') throw new Error(`${path} is still in the scratch`);
    }
    this._checkTimes(items);
  }

  /** Files that were committed or discarded have their base's times. */
  _checkTimes(items: readonly PlanItem[]): void {
    const base = this._sandbox.baseImage();
    const view = this._coldView();
    for (const { path } of items) {
      const [old, now] = [base.get(toBytes(path)), view.get(toBytes(path))];
      if (old === undefined || now === undefined || now.type === S_IFDIR) continue;
      if (old.mtime !== now.mtime || old.mtimeNsec !== now.mtimeNsec) {
        throw new Error(`${path} has another time than in the base`);
      }
    }
  }

  _discardSome(picks: readonly number[], undo: boolean): void {
    const list = this.list();
    if (list.changes.length === 0) return;
    const paths = picks.map((pick) => list.changes[pick % list.changes.length]!.path);
    const before = this._coldView();
    const { items, undoId } = this._sandbox.run(this._sandbox.engine.discard({ paths }));
    this._inodes.clear();
    this._leniency = { ...this._leniency, links: true, directoryTimes: true };
    const view = this._coldView();
    this._checkUntouched('the mount', before, view, items);
    this._checkShared(view, [before, this._sandbox.baseImage()]);
    this._closeHandles();
    const after = this.list();
    const left = after.changes;
    if (left.length > 0) throw new Error(`discarded, but still listed:\n  ${left.map(show).join('\n  ')}`);
    if (undo && undoId !== undefined) this._undo(undoId, list);
    else this._model = this._plantModel(view);
  }

  /** After it the workspace is what the model still is. */
  _undo(id: string, before: ChangeList): void {
    this._sandbox.run(this._sandbox.engine.undoDiscard(id));
    this._inodes.clear();
    this._checkView();
    const after = this.list();
    if (this._describeInodes(after) !== this._describeInodes(before)) {
      const [now, was] = [after, before].map(({ changes }) => changes.map(show).join('\n  '));
      throw new Error(`the list after undo\n  ${now!}\nwas\n  ${was!}`);
    }
  }

  /** What a list says of each inode, whichever of its names has it. */
  _describeInodes({ changes }: ChangeList): string {
    const model = readImage(this._model);
    const lines = changes.map((change) => {
      const path = model.get(toBytes(change.path))?.identity ?? change.path;
      return show({ ...change, path });
    });
    return [...new Set(lines)].sort().join('\n');
  }

  _checkView(): void {
    const expected = readImage(this._model);
    assertSame('a fresh look at the mount', this._coldView(), expected, this._leniency);
    assertSame('the mount', readImage(this._sandbox.mount), expected, this._leniency);
    this._checkHandles();
  }

  /** What a commit or a discard was not asked to change must be as it was. */
  _checkUntouched(what: string, before: Image, after: Image, items: readonly PlanItem[]): void {
    const touched = items
      .flatMap(({ path, from }) => [path, ...(from === undefined ? [] : [from])])
      .map(toBytes);
    const isTouched = (path: string): boolean =>
      touched.some((each) => path === each || path.startsWith(`${each}/`));
    const linked = new Set(
      [...before, ...after].filter(([path]) => isTouched(path)).map(([, entry]) => entry.identity),
    );
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      const old = before.get(path);
      const now = after.get(path);
      if (isTouched(path) || [old, now].some((entry) => entry !== undefined && linked.has(entry.identity)))
        continue;
      const [was, is] = [old, now].map((entry) => (entry === undefined ? 'absent' : describeEntry(entry)));
      if (was !== is) throw new Error(`${what} has ${JSON.stringify(path)} ${is}, which was ${was}`);
    }
  }

  /** Names have one inode number only if they were names of one inode before. */
  _checkShared(now: Image, earlier: readonly Image[]): void {
    const first = new Map<string, string>();
    for (const [path, { identity }] of now) {
      const other = first.get(identity);
      first.set(identity, path);
      if (other === undefined) continue;
      const shared = earlier.some(
        (image) => image.has(path) && image.get(path)?.identity === image.get(other)?.identity,
      );
      if (!shared) throw new Error(`${other} and ${path} both have inode number ${identity}`);
    }
  }

  _checkHandles(): void {
    for (const handle of this._model.handles()) {
      const expected = describeEntry(readEntry(this._model, handle, this._model.stat(handle)));
      const { mount } = this._sandbox;
      const actual = describeEntry(readEntry(mount, handle, mount.stat(handle)));
      if (actual !== expected) throw new Error(`${handle} is ${actual}, should be ${expected}`);
    }
  }

  /** Numbers stay as long as their inodes live. */
  _checkInodes(view: Image, expected: Image): void {
    for (const [path, { identity }] of expected) {
      const now = view.get(path)!.identity;
      const before = this._inodes.get(identity);
      if (before !== undefined && before !== now) {
        throw new Error(`${JSON.stringify(path)} had inode number ${before}, now ${now}`);
      }
      this._inodes.set(identity, now);
    }
  }

  _checkBases(): void {
    const now = this._readBases();
    this._bases.forEach((before, i) => assertSame(`base ${i + 1}`, now[i]!, before));
  }

  _expectNoChanges(): void {
    const { changes } = this.list();
    if (changes.length > 0) throw new Error(`left over:\n  ${changes.map(show).join('\n  ')}`);
  }

  _coldView(): Image {
    const mount = new MountTree(this._sandbox.engine);
    try {
      return readImage(mount);
    } finally {
      mount.dropCaches();
    }
  }

  _readBases(): Image[] {
    return this._sandbox.bases.map((base) => withDisk(base, readImage));
  }

  _plantModel(image: Image): DiskTree {
    const tree = new DiskTree(this._sandbox.directory(`model${++this._models}`));
    plant(image, tree);
    this._sources = new Map([...readImage(tree)].map(([path, { identity }]) => [path, identity]));
    return tree;
  }
}

function outcome(operation: FileOperation, tree: Tree): string {
  try {
    const result = perform(operation, tree);
    return result === undefined ? 'without error' : JSON.stringify(result);
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}

function isKnown({ engine }: EngineSandbox, id: number): boolean {
  try {
    engine.node(id);
    return true;
  } catch (error) {
    if (error instanceof FsError && error.errno === E.ESTALE) return false;
    throw error;
  }
}

function show({ kind, path, from, type, size }: Change): string {
  return `${kind} ${type} ${JSON.stringify(path)}${from === undefined ? '' : ` from ${JSON.stringify(from)}`} ${size}`;
}

/** Where the base has what lies below a renamed directory. */
function basePathOf(path: string, renamed: readonly Change[]): string {
  const above = renamed.filter((change) => path.startsWith(`${change.path}/`)).at(-1);
  return above?.from === undefined ? path : above.from + path.slice(above.path.length);
}

/** An image in which these paths share no inode. */
function unlinked(image: Image, paths: ReadonlySet<string>): Image {
  return new Map(
    [...image].map(([path, entry]) => [path, paths.has(path) ? { ...entry, identity: path } : entry]),
  );
}

function byPath(a: Change, b: Change): number {
  return a.path < b.path ? -1 : 1;
}
