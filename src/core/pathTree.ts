/** Values by path, with everything below a path at hand. */
export class PathTree<T> {
  #value: T | undefined;
  readonly #children = new Map<string, PathTree<T>>();

  get(path: string): T | undefined {
    const found = this.#find(path);
    return found === undefined ? undefined : found.#value;
  }

  set(path: string, value: T): void {
    this.#insert(parts(path), 0, value);
  }

  /** Removes the value at a path, not what is below. */
  delete(path: string): void {
    this.#prune(parts(path), 0);
  }

  /** Values at and below a path, parents before children, in the order of their names. */
  *entries(path = ''): Generator<[string, T]> {
    const start = this.#find(path);
    if (start !== undefined) yield* start.#walk(path);
  }

  *#walk(path: string): Generator<[string, T]> {
    if (this.#value !== undefined) yield [path, this.#value];
    const names = [...this.#children.keys()].sort();
    for (const name of names) {
      yield* this.#children.get(name)!.#walk(path === '' ? name : `${path}/${name}`);
    }
  }

  #insert(names: readonly string[], depth: number, value: T): void {
    const name = names[depth];
    if (name === undefined) {
      this.#value = value;
      return;
    }
    let child = this.#children.get(name);
    if (child === undefined) {
      child = new PathTree();
      this.#children.set(name, child);
    }
    child.#insert(names, depth + 1, value);
  }

  #find(path: string): PathTree<T> | undefined {
    return this.#descend(parts(path), 0);
  }

  #descend(names: readonly string[], depth: number): PathTree<T> | undefined {
    const name = names[depth];
    if (name === undefined) return this;
    const child = this.#children.get(name);
    return child === undefined ? undefined : child.#descend(names, depth + 1);
  }

  /** Returns whether this part of the tree holds nothing any more. */
  #prune(names: readonly string[], depth: number): boolean {
    const name = names[depth];
    if (name === undefined) this.#value = undefined;
    else {
      const child = this.#children.get(name);
      if (child !== undefined && child.#prune(names, depth + 1)) this.#children.delete(name);
    }
    return this.#value === undefined && this.#children.size === 0;
  }
}

function parts(path: string): string[] {
  return path === '' ? [] : path.split('/');
}
