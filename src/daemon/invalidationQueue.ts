import type { Invalidator } from '../core/filesystem';
import type { Node } from '../core/node';
import type { Invalidation } from '../driver/driver';

/** Gathers what the kernel must forget, until another thread can tell it. */
export class InvalidationQueue implements Invalidator {
  readonly #filled: () => void;
  #list: Invalidation[] = [];

  /** @param filled called when there is something again */
  constructor(filled: () => void) {
    this.#filled = filled;
  }

  inode(id: number, offset: number, length: number): void {
    this.#add({ kind: 'inode', id, offset, length });
  }

  entry(parent: Node, name: string, stays = false): void {
    this.#add({ kind: 'entry', parentId: parent.id, parentPath: parent.path, name, stays });
  }

  /** Empties the queue. */
  take(): Invalidation[] {
    const list = this.#list;
    this.#list = [];
    return list;
  }

  #add(invalidation: Invalidation): void {
    this.#list.push(invalidation);
    if (this.#list.length === 1) this.#filled();
  }
}
