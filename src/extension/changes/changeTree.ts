import type { Change, ChangeDelta, ChangeList, Totals } from '../../protocol/messages';

/** One name below the mount that is changed itself, holds changes, or both. */
export interface ChangeNode {
  /** Relative to the mount; empty for the root. */
  readonly path: string;
  readonly name: string;
  readonly parent: ChangeNode | null;
  readonly children: Map<string, ChangeNode>;
  change: Change | null;
}

/** What an update did to the tree, so that a view redraws no more than that. */
export interface TreeUpdate {
  /** Nodes that got or lost children, or a child of which became or ceased to be a branch. */
  readonly reshaped: ReadonlySet<ChangeNode>;
  /** Nodes that stayed where they are but look different. */
  readonly altered: ReadonlySet<ChangeNode>;
  /** The paths that became, ceased to be, or are another kind of change. */
  readonly paths: ReadonlySet<string>;
}

const noTotals: Totals = { changed: 0, created: 0, whiteout: 0, renamed: 0, metadata: 0, storedBytes: 0 };

/** The change list of one workspace as a tree of names, kept up to date by deltas. */
export class ChangeTree {
  root = newNode('', '', null);
  totals = noTotals;
  private revision = 0;
  private readonly changed = new Map<string, ChangeNode>();

  /** The number of changes. */
  get size(): number {
    return this.changed.size;
  }

  /** The changes in the order in which they became known. */
  *changes(): Iterable<Change> {
    for (const node of this.changed.values()) yield node.change!;
  }

  /** The node of a changed path; a directory that merely holds changes has none. */
  get(path: string): ChangeNode | undefined {
    return this.changed.get(path);
  }

  /** The node of a path that is changed or holds changes. */
  find(path: string): ChangeNode | undefined {
    let node: ChangeNode | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) node = node?.children.get(name);
    return node;
  }

  reset(list: ChangeList): void {
    this.root = newNode('', '', null);
    this.changed.clear();
    for (const change of list.changes) this.put(change);
    this.totals = list.totals;
    this.revision = list.revision;
  }

  clear(): void {
    this.reset({ revision: 0, changes: [], totals: noTotals });
  }

  /**
   * Takes in a delta; one that the list already holds changes nothing. Returns null when one was missed: then the
   * list must be read anew.
   */
  apply(delta: ChangeDelta): TreeUpdate | null {
    if (delta.revision > this.revision + 1) return null;
    const reshaped = new Set<ChangeNode>();
    const altered = new Set<ChangeNode>();
    const paths = new Set<string>();
    const update = { reshaped, altered, paths };
    if (delta.revision <= this.revision) return update;
    for (const path of delta.removed) {
      const node = this.changed.get(path);
      if (!node) continue;
      paths.add(path);
      this.remove(node, reshaped, altered);
    }
    for (const change of delta.upserted) {
      const before = this.changed.get(change.path)?.change;
      const node = this.put(change, reshaped);
      if (before && !looksDifferent(before, change)) continue;
      paths.add(change.path);
      altered.add(node);
    }
    this.totals = delta.totals;
    this.revision = delta.revision;
    return update;
  }

  private put(change: Change, reshaped?: Set<ChangeNode>): ChangeNode {
    let node = this.root;
    for (const name of change.path.split('/')) {
      let child = node.children.get(name);
      if (!child) {
        child = newNode(node.path === '' ? name : `${node.path}/${name}`, name, node);
        if (node.children.size === 0 && node.parent) reshaped?.add(node.parent);
        node.children.set(name, child);
        reshaped?.add(node);
      }
      node = child;
    }
    node.change = change;
    this.changed.set(change.path, node);
    return node;
  }

  private remove(removed: ChangeNode, reshaped: Set<ChangeNode>, altered: Set<ChangeNode>): void {
    let node = removed;
    this.changed.delete(node.path);
    node.change = null;
    altered.add(node);
    while (node.parent && node.children.size === 0 && !node.change) {
      node.parent.children.delete(node.name);
      reshaped.add(node.parent);
      reshaped.delete(node);
      altered.delete(node);
      node = node.parent;
    }
    if (node.children.size === 0 && node.parent) reshaped.add(node.parent);
  }
}

/**
 * The directory that stands for `node` where chains of directories that hold nothing but one another share a row
 * (`src/main/java`): the last of the chain.
 */
export function endOfChain(node: ChangeNode): ChangeNode {
  let end = node;
  while (end.children.size === 1 && !end.change) {
    const [only] = end.children.values();
    if (!only || only.change || !isBranch(only)) break;
    end = only;
  }
  return end;
}

/** Whether the node is shown as a directory with rows below it. */
export function isBranch(node: ChangeNode): boolean {
  return node.children.size > 0;
}

/** As {@link isBranch}, or a directory that is a change itself and holds none. */
export function isDirectory(node: ChangeNode): boolean {
  return isBranch(node) || node.change?.type === 'directory';
}

/** Whether `node` still hangs in its tree. */
export function isAttached(node: ChangeNode): boolean {
  for (let at = node; at.parent; at = at.parent) {
    if (at.parent.children.get(at.name) !== at) return false;
  }
  return true;
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** Directories before files, each by name. */
export function byKindAndName(a: ChangeNode, b: ChangeNode): number {
  return Number(isDirectory(b)) - Number(isDirectory(a)) || collator.compare(a.name, b.name);
}

/** By path, one directory after the other. */
export function byPath(a: ChangeNode, b: ChangeNode): number {
  return collator.compare(a.path, b.path);
}

/** All nodes at and below `node` that are changes themselves. */
export function* changedNodes(node: ChangeNode): Iterable<ChangeNode> {
  if (node.change) yield node;
  for (const child of node.children.values()) yield* changedNodes(child);
}

function newNode(path: string, name: string, parent: ChangeNode | null): ChangeNode {
  return { path, name, parent, children: new Map(), change: null };
}

function looksDifferent(before: Change, after: Change): boolean {
  return before.kind !== after.kind || before.type !== after.type || before.from !== after.from;
}
