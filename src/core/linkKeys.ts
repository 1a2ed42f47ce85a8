import type { Stat } from '../sys/stat';

/**
 * Name in the index of a base inode with several links, on the device of the base's root. Its number alone would not do:
 * file systems give that to another inode when this one is gone.
 */
export function linkKey(layer: number, { ino, birth }: Pick<Stat, 'ino' | 'birth'>): string {
  const number = numberKey(layer, ino);
  return Number.isNaN(birth) ? number : `${number}-${Math.round(birth * 1e6).toString(16)}`;
}

/** What a {@link linkKey} begins with: another inode can have the same at another time. */
export function numberKey(layer: number, ino: number): string {
  return `${layer}-${ino.toString(16)}`;
}

/** The {@link numberKey} of a key. */
export function numberOf(key: string): string {
  return key.split('-', 2).join('-');
}

/** Index of the base that has the inode with this key. */
export function layerOf(key: string): number {
  return Number.parseInt(key);
}

/** The keys that a scratch's index has: base inodes with several links that were copied up. */
export class IndexedKeys implements Iterable<string> {
  readonly #keys = new Set<string>();
  readonly #byNumber = new Map<string, Set<string>>();

  get size(): number {
    return this.#keys.size;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#keys.values();
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Those of all inodes that ever had this number. */
  withNumber(layer: number, ino: number): Iterable<string> {
    return this.#byNumber.get(numberKey(layer, ino)) ?? [];
  }

  add(key: string): void {
    this.#keys.add(key);
    const number = numberOf(key);
    const same = this.#byNumber.get(number);
    if (same === undefined) this.#byNumber.set(number, new Set([key]));
    else same.add(key);
  }

  delete(key: string): void {
    this.#keys.delete(key);
    const number = numberOf(key);
    const same = this.#byNumber.get(number);
    same?.delete(key);
    if (same?.size === 0) this.#byNumber.delete(number);
  }
}
