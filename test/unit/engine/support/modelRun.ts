import { join } from 'node:path';
import type { Change, ChangeList, PlanItem } from '../../../../src/protocol/messages';
import { toBytes } from '../../../../src/sys/bytes';
import { E, FsError } from '../../../../src/sys/errno';
import { S_IFDIR } from '../../../../src/sys/stat';
import type { Step } from './cases';
import { assertExplains } from './changeOracle';
import { DiskTree } from './diskTree';
import { assertSame, describeEntry, type Image, type Leniency, plant, readEntry, readImage } from './image';
import { type FileOperation, perform } from './operations';
import { type EngineSandbox, withDisk } from './sandbox';
import type { Tree } from './tree';
import { makeWorkspace, type WorkspacePlan } from './workspacePlan';

/**
 * A workspace beside a plain directory to which the same is done. Each method throws an Error that says in what the
 * two differ.
 */
export class ModelRun {
  readonly #sandbox: EngineSandbox;
  #model: DiskTree;
  #models = 0;
  /** The bases as nobody but a commit may change them. */
  #bases: Image[];
  /** The model's inode of which the base has, at each path, what was planted or committed there. */
  #sources = new Map<string, string>();
  /** Inode number in the workspace of each inode of the model. */
  readonly #inodes = new Map<string, string>();
  #leniency: Leniency & { readonly links: boolean };
  /** The list as a client knows it that is told what becomes of it. */
  readonly #told = new Map<string, Change>();

  constructor(plan: WorkspacePlan) {
    this.#sandbox = makeWorkspace(plan);
    this.#bases = this.#readBases();
    this.#model = this.#plantModel(this.#sandbox.baseImage());
    this.#leniency = { links: plan.bases.length > 1 };
  }

  dispose(): void {
    this.#model.close();
    this.#sandbox.dispose();
  }

  do(step: Step): void {
    switch (step.op) {
      case 'remount':
        this.#remount();
        break;
      case 'forget':
        this.#forget();
        break;
      case 'list':
        this.list();
        break;
      case 'commit':
        this.#commitSome(step);
        break;
      case 'discard':
        this.#discardSome(step.picks, step.undo);
        break;
      default:
        this.#both(step);
    }
  }

  /** Compares all that users see, as they know it already and as it is when asked for anew. */
  check(): void {
    const expected = readImage(this.#model);
    const cold = this.#sandbox.coldView();
    assertSame('a fresh look at the mount', cold, expected, this.#leniency);
    assertSame('the mount', readImage(this.#sandbox.mount), expected, this.#leniency);
    this.#checkHandles();
    this.#checkInodes(cold, expected);
    this.#checkBases();
    if (this.#sandbox.log.length > 0) throw new Error(this.#sandbox.log.join('\n'));
  }

  /** The list of changes, compared with what differs. */
  list(): ChangeList {
    const view = this.#sandbox.coldView();
    const { changes } = this.#sandbox.engine;
    this.#sandbox.run(changes.update());
    const delta = changes.takeDelta();
    for (const path of delta?.removed ?? []) this.#told.delete(path);
    for (const change of delta?.upserted ?? []) this.#told.set(change.path, change);
    const list = changes.list();
    assertExplains(list, this.#sandbox.baseImage(), view);
    const told = [...this.#told.values()].sort(byPath);
    if (JSON.stringify(told) !== JSON.stringify([...list.changes].sort(byPath))) {
      throw new Error(
        `told changes\n  ${told.map(show).join('\n  ')}\nlist\n  ${list.changes.map(show).join('\n  ')}`,
      );
    }
    return list;
  }

  commitAll(): void {
    this.#commit(undefined, [], 1);
    this.#remount();
    this.check();
    this.#expectNoChanges();
  }

  /** Discards everything, undoes that, and discards it again. */
  discardAll(): void {
    const before = this.list();
    const view = this.#sandbox.coldView();
    const { items, undoId } = this.#sandbox.run(this.#sandbox.engine.discard({}));
    this.#inodes.clear();
    this.#leniency = { ...this.#leniency, directoryTimes: true };
    const { links } = this.#leniency;
    this.#allowTrashedLinks(view, items);
    // Contents that were written back are no change, whatever the time.
    const leniency = { ...this.#leniency, times: true };
    const base = this.#sandbox.baseImage();
    assertSame('the mount after the discard', this.#sandbox.coldView(), base, leniency);
    assertSame('the mount as known after the discard', readImage(this.#sandbox.mount), base, leniency);
    this.#checkTimes(items);
    this.#expectNoChanges();
    if (undoId === undefined) return;
    this.#closeHandles();
    this.#leniency = { ...this.#leniency, links };
    this.#undo(undoId, before);
    this.#sandbox.run(this.#sandbox.engine.discard({}));
    this.#remount();
    assertSame('the mount after all', this.#sandbox.coldView(), base, leniency);
  }

  #both(operation: FileOperation): void {
    const expected = outcome(operation, this.#model);
    const actual = outcome(operation, this.#sandbox.mount);
    this.#sandbox.mount.deliver();
    if (actual !== expected) throw new Error(`returned ${actual}, should return ${expected}`);
  }

  #remount(): void {
    this.#closeHandles();
    this.#sandbox.close();
    this.#told.clear();
  }

  #closeHandles(): void {
    this.#model.closeHandles();
    this.#sandbox.mount.closeHandles();
  }

  /** Whatever the kernel forgot must leave the engine's memory. */
  #forget(): void {
    this.#closeHandles();
    for (const id of this.#sandbox.mount.dropCaches()) {
      if (isKnown(this.#sandbox, id)) throw new Error(`node ${id} is in memory, although it was forgotten`);
    }
  }

  #commitSome({ picks, stride, meanwhile }: Extract<Step, { op: 'commit' }>): void {
    const { changes } = this.list();
    if (changes.length === 0) return;
    const paths = picks?.map((pick) => changes[pick % changes.length]!.path);
    this.#commit(paths, [...meanwhile], stride);
  }

  /** @param stride how many steps the commit takes before each operation of its users */
  #commit(paths: string[] | undefined, meanwhile: FileOperation[], stride: number): void {
    const quiet = meanwhile.length === 0;
    const renamed = this.list().changes.filter(({ kind }) => kind === 'renamed');
    const before = this.#sandbox.baseImage();
    this.#inodes.clear();
    this.#leniency = { ...this.#leniency, directoryTimes: true };
    const job = this.#sandbox.engine.commit(paths === undefined ? {} : { paths });
    let taken = 0;
    const { items, conflicts } = this.#sandbox.run(job, () => {
      const operation = ++taken % stride === 0 ? meanwhile.shift() : undefined;
      if (operation !== undefined) this.#both(operation);
      this.#checkView();
      this.#inodes.clear();
    });
    const unexpected = conflicts.filter(({ reason }) => quiet || !reason.endsWith('while it was committed'));
    if (unexpected.length > 0) throw new Error(`conflicts: ${JSON.stringify(unexpected)}`);
    this.#bases = this.#readBases();
    this.#inodes.clear();
    this.#checkView();
    this.#noteSources(items);
    if (quiet) this.#checkCommitted(items);
    const { changes } = this.list();
    if (!quiet) return;
    const left = changes.filter((change) => items.some(({ path }) => path === change.path));
    if (left.length > 0) throw new Error(`committed, but still listed:\n  ${left.map(show).join('\n  ')}`);
    if (paths === undefined) {
      this.#checkBaseIsModel();
      this.#expectNoChanges();
    }
    const places = items.map((item) => ({ ...item, path: basePathOf(item.path, renamed) }));
    this.#checkUntouched('the base', before, this.#sandbox.baseImage(), [...items, ...places]);
  }

  #checkBaseIsModel(): void {
    const model = readImage(this.#model);
    const alike = this.#linkedToAlike(model);
    const [base, expected] = [this.#sandbox.baseImage(), model].map((image) => unlinked(image, alike));
    // Contents that were written back are no change, whatever the time.
    assertSame('the committed base', base!, expected!, { ...this.#leniency, times: true });
  }

  /** Names of inodes of which one replaced a base file that was just like it: that is no change. */
  #linkedToAlike(model: Image): Set<string> {
    const odd = new Set(
      [...model]
        .filter(([path, { identity }]) => this.#sources.get(path) !== identity)
        .map(([, each]) => each.identity),
    );
    return new Set([...model].filter(([, { identity }]) => odd.has(identity)).map(([path]) => path));
  }

  #noteSources(items: readonly PlanItem[]): void {
    const model = readImage(this.#model);
    for (const { path } of items) {
      for (const [each, { identity }] of model) {
        if (each === toBytes(path) || each.startsWith(`${toBytes(path)}/`)) this.#sources.set(each, identity);
      }
    }
  }

  /** What was committed is no longer in the scratch. */
  #checkCommitted(items: readonly PlanItem[]): void {
    const view = this.#sandbox.coldView();
    const upper = withDisk(join(this.#sandbox.scratch, 'upper'), readImage);
    for (const { path, type } of items) {
      // An inode stays as long as one of its names was not committed.
      const left = view.has(toBytes(path)) && upper.get(toBytes(path))?.nlink === 1;
      if (left && type !== 'directory') throw new Error(`${path} is still in the scratch`);
    }
    this.#checkTimes(items);
  }

  /** Files that were committed or discarded have their base's times. */
  #checkTimes(items: readonly PlanItem[]): void {
    const base = this.#sandbox.baseImage();
    const view = this.#sandbox.coldView();
    for (const { path } of items) {
      const [old, now] = [base.get(toBytes(path)), view.get(toBytes(path))];
      if (old === undefined || now === undefined || now.type === S_IFDIR) continue;
      if (old.mtime !== now.mtime || old.mtimeNsec !== now.mtimeNsec) {
        throw new Error(`${path} has another time than in the base`);
      }
    }
  }

  #discardSome(picks: readonly number[] | null, undo: boolean): void {
    const list = this.list();
    if (list.changes.length === 0) return;
    const paths = picks?.map((pick) => list.changes[pick % list.changes.length]!.path);
    const before = this.#sandbox.coldView();
    const job = this.#sandbox.engine.discard(paths === undefined ? {} : { paths });
    const { items, undoId } = this.#sandbox.run(job);
    this.#inodes.clear();
    this.#leniency = { ...this.#leniency, directoryTimes: true };
    const { links } = this.#leniency;
    this.#allowTrashedLinks(before, items);
    const view = this.#sandbox.coldView();
    this.#checkUntouched('the mount', before, view, items);
    this.#checkShared(view, [before, this.#sandbox.baseImage()]);
    this.#closeHandles();
    const after = this.list();
    const left = after.changes.filter((change) => items.some(({ path }) => path === change.path));
    if (left.length > 0) throw new Error(`discarded, but still listed:\n  ${left.map(show).join('\n  ')}`);
    if (paths === undefined) this.#expectNoChanges();
    if (undo && undoId !== undefined) {
      this.#leniency = { ...this.#leniency, links };
      this.#undo(undoId, list);
    } else this.#model = this.#plantModel(view);
  }

  /** A file counts those of its names that were discarded while the discard can be undone. */
  #allowTrashedLinks(before: Image, items: readonly PlanItem[]): void {
    const linked = items.some(({ path }) => {
      const entry = before.get(toBytes(path));
      return entry !== undefined && entry.type !== S_IFDIR && entry.nlink > 1;
    });
    if (linked) this.#leniency = { ...this.#leniency, links: true };
  }

  /** After it the workspace is what the model still is. */
  #undo(id: string, before: ChangeList): void {
    this.#sandbox.run(this.#sandbox.engine.undoDiscard(id));
    this.#inodes.clear();
    this.#checkView();
    const after = this.list();
    if (this.#describeInodes(after) !== this.#describeInodes(before)) {
      const [now, was] = [after, before].map(({ changes }) => changes.map(show).join('\n  '));
      throw new Error(`the list after undo\n  ${now!}\nwas\n  ${was!}`);
    }
  }

  /** What a list says of each inode, whichever of its names has it. */
  #describeInodes({ changes }: ChangeList): string {
    const model = readImage(this.#model);
    const lines = changes.map((change) => {
      const path = model.get(toBytes(change.path))?.identity ?? change.path;
      return show({ ...change, path });
    });
    return [...new Set(lines)].sort().join('\n');
  }

  #checkView(): void {
    const expected = readImage(this.#model);
    assertSame('a fresh look at the mount', this.#sandbox.coldView(), expected, this.#leniency);
    assertSame('the mount', readImage(this.#sandbox.mount), expected, this.#leniency);
    this.#checkHandles();
  }

  /** What a commit or a discard was not asked to change must be as it was. */
  #checkUntouched(what: string, before: Image, after: Image, items: readonly PlanItem[]): void {
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
  #checkShared(now: Image, earlier: readonly Image[]): void {
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

  #checkHandles(): void {
    for (const handle of this.#model.handles()) {
      const expected = describeEntry(readEntry(this.#model, handle, this.#model.stat(handle)));
      const { mount } = this.#sandbox;
      const actual = describeEntry(readEntry(mount, handle, mount.stat(handle)));
      if (actual !== expected) throw new Error(`${handle} is ${actual}, should be ${expected}`);
    }
  }

  /** Numbers stay as long as their inodes live. */
  #checkInodes(view: Image, expected: Image): void {
    for (const [path, { identity }] of expected) {
      const now = view.get(path)!.identity;
      const before = this.#inodes.get(identity);
      if (before !== undefined && before !== now) {
        throw new Error(`${JSON.stringify(path)} had inode number ${before}, now ${now}`);
      }
      this.#inodes.set(identity, now);
    }
  }

  #checkBases(): void {
    const now = this.#readBases();
    this.#bases.forEach((before, i) => assertSame(`base ${i + 1}`, now[i]!, before));
  }

  #expectNoChanges(): void {
    const { changes } = this.list();
    if (changes.length > 0) throw new Error(`left over:\n  ${changes.map(show).join('\n  ')}`);
  }

  #readBases(): Image[] {
    return this.#sandbox.bases.map((base) => withDisk(base, readImage));
  }

  #plantModel(image: Image): DiskTree {
    const tree = new DiskTree(this.#sandbox.directory(`model${++this.#models}`));
    plant(image, tree);
    this.#sources = new Map([...readImage(tree)].map(([path, { identity }]) => [path, identity]));
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
