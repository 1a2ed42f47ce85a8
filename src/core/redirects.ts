import { PathTree } from './pathTree';

/** Which entries of the mount have a record that leads to a path of the bases, by either path. */
export class Redirects {
  readonly #targets = new PathTree<string>();
  readonly #sources = new PathTree<Set<string>>();

  /** Notes where the record of the entry at a path leads; null for nowhere. */
  set(path: string, target: string | null): void {
    const before = this.#targets.get(path);
    if (before !== undefined) this.#forget(path, before);
    if (target === null) return;
    this.#targets.set(path, target);
    const sources = this.#sources.get(target);
    if (sources === undefined) this.#sources.set(target, new Set([path]));
    else sources.add(path);
  }

  /** Paths of entries whose records lead to a base path or below it. */
  leadingTo(target: string): string[] {
    return [...this.#sources.entries(target)].flatMap(([, sources]) => [...sources]);
  }

  /** Forgets all entries below a path. */
  removeBelow(path: string): void {
    for (const [each, target] of [...this.#targets.entries(path)])
      if (each !== path) this.#forget(each, target);
  }

  #forget(path: string, target: string): void {
    this.#targets.delete(path);
    const sources = this.#sources.get(target);
    sources?.delete(path);
    if (sources?.size === 0) this.#sources.delete(target);
  }
}
