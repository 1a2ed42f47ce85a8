import { isBranch, type ChangeNode, type ChangeTree } from './changeTree';

/**
 * Which changes of a workspace are checked, to be committed or discarded together. A directory is checked when all
 * changes in it are: one that comes later is not part of what the user chose.
 */
export class Checks {
  /** Of changes that hold no others. */
  private readonly paths = new Set<string>();

  constructor(private readonly tree: ChangeTree) {}

  get any(): boolean {
    return this.paths.size > 0;
  }

  has(node: ChangeNode): boolean {
    if (!this.any) return false;
    for (const leaf of leaves(node)) {
      if (!this.paths.has(leaf.path)) return false;
    }
    return true;
  }

  set(node: ChangeNode, checked: boolean): void {
    for (const { path } of leaves(node)) {
      if (checked) this.paths.add(path);
      else this.paths.delete(path);
    }
  }

  /** Forgets what is no change any more. */
  prune(): void {
    for (const path of this.paths) {
      const node = this.tree.get(path);
      if (!node || isBranch(node)) this.paths.delete(path);
    }
  }

  /** The paths of what is checked, where a directory stands for all changes in it. */
  chosen(): string[] {
    return this.any ? this.chosenBelow(this.tree.root) : [];
  }

  private chosenBelow(node: ChangeNode): string[] {
    return [...node.children.values()].flatMap((child) =>
      this.has(child) ? [child.path] : this.chosenBelow(child),
    );
  }
}

function* leaves(node: ChangeNode): Iterable<ChangeNode> {
  if (!isBranch(node)) yield node;
  for (const child of node.children.values()) yield* leaves(child);
}
