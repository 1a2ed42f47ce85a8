import { close } from '../sys/file';
import type { Node } from './node';

/** Fewest to keep: an operation works with two files at the most. */
const FEWEST = 8;

/** Open descriptors of regular files by node, the most recently used ones kept. */
export class FileFds {
  readonly #fds = new Map<Node, { fd: number; writable: boolean }>();
  #capacity: number;

  constructor(capacity: number) {
    this.#capacity = Math.max(capacity, FEWEST);
  }

  /** The node's descriptor if it is open and, when asked, writable. */
  get(node: Node, writable: boolean): number | undefined {
    const open = this.#fds.get(node);
    if (open === undefined || (writable && !open.writable)) return undefined;
    this.#fds.delete(node);
    this.#fds.set(node, open);
    return open.fd;
  }

  add(node: Node, fd: number, writable: boolean): void {
    this.drop(node);
    this.#fds.set(node, { fd, writable });
    this.#evict();
  }

  /** Keeps half as many from now on, as there are too few descriptors; returns whether that closed any. */
  shrink(): boolean {
    const before = this.#fds.size;
    this.#capacity = Math.max(Math.floor(before / 2), FEWEST);
    this.#evict();
    return this.#fds.size < before;
  }

  #evict(): void {
    while (this.#fds.size > this.#capacity) this.drop(this.#fds.keys().next().value!);
  }

  /** Takes the descriptor out of here without closing it. */
  take(node: Node): number | undefined {
    const open = this.#fds.get(node);
    this.#fds.delete(node);
    return open?.fd;
  }

  /** Closes the node's descriptor, when what it stands for changes. */
  drop(node: Node): void {
    const open = this.#fds.get(node);
    if (open === undefined) return;
    this.#fds.delete(node);
    close(open.fd);
  }

  closeAll(): void {
    for (const { fd } of this.#fds.values()) close(fd);
    this.#fds.clear();
  }
}
