import type { FileSystem } from '../../core/filesystem';
import type { Node } from '../../core/node';
import { E, FsError } from '../../sys/errno';
import { fromLibrary } from './text';

/** Longest name that a Linux file system stores (`NAME_MAX`). */
const NAME_MAX = 255;
/** Nodes that stay in memory because a path led to them. */
const CAPACITY = 10_000;
/** libfuse renames what is unlinked while it is open: see `hide_node` there. */
const HIDDEN = /^\.fuse_hidden[0-9a-f]{16}$/;

/** A name in a directory, whether or not there is something under it. */
export interface Place {
  readonly parent: Node;
  readonly name: string;
}

/** Which node of the file system a path, or the handle of an open file, stands for; and holds those nodes. */
export class Nodes {
  readonly #fs: FileSystem;
  /** The most recently used ones, the oldest first. */
  readonly #recent = new Map<number, Node>();
  readonly #handles = new Map<number, Node>();
  /** Unlinked files that are open, by the name that libfuse gave them; no directory has it. */
  readonly #hidden = new Map<string, Node>();
  #nextHandle = 1;

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** @param path as libfuse gives it. @throws FsError ENOENT, ENOTDIR, ENAMETOOLONG, EILSEQ */
  at(path: string): Node {
    if (path === '/') return this.#fs.root;
    return this.atPlace(this.place(path));
  }

  /** @throws FsError ENOENT */
  atPlace({ parent, name }: Place): Node {
    const hidden = this.#hidden.get(name);
    if (hidden !== undefined) return hidden;
    const node = this.#fs.lookup(parent, name);
    if (node === null) throw new FsError(E.ENOENT, name);
    this.#use(node);
    return node;
  }

  /** @throws FsError ENOENT, ENOTDIR, ENAMETOOLONG, EILSEQ */
  place(path: string): Place {
    const names = fromLibrary(path.slice(1)).split('/');
    const name = checkedName(names.pop()!);
    let parent = this.#fs.root;
    for (const each of names) parent = this.atPlace({ parent, name: checkedName(each) });
    return { parent, name };
  }

  /** Opens a file: it stays until its handle is released, also without a name. */
  open(node: Node): number {
    this.#fs.remember(node);
    const handle = this.#nextHandle++;
    this.#handles.set(handle, node);
    return handle;
  }

  /** @throws FsError EBADF */
  opened(handle: number): Node {
    const node = this.#handles.get(handle);
    if (node === undefined) throw new FsError(E.EBADF, `handle ${handle}`);
    return node;
  }

  release(handle: number): void {
    const node = this.opened(handle);
    this.#handles.delete(handle);
    this.#fs.forget(node.id, 1);
  }

  /** Something is about to lose a name: unless it is open nobody needs it any more. */
  letGo(place: Place): void {
    const node = this.#fs.lookup(place.parent, place.name);
    if (node === null || !this.#recent.delete(node.id)) return;
    this.#fs.forget(node.id, 1);
  }

  /** Whether a rename to this place means that libfuse unlinks what is open. */
  isHiding({ name }: Place): boolean {
    return HIDDEN.test(name);
  }

  /** Unlinks an open file, which goes on under a name that no directory shows. */
  hide(from: Place, { name }: Place): void {
    const node = this.atPlace(from);
    this.#fs.remember(node);
    this.letGo(from);
    this.#fs.unlink(from.parent, from.name);
    this.#hidden.set(name, node);
  }

  /** The last one closed a hidden file. @returns whether it was one */
  dropHidden({ name }: Place): boolean {
    const node = this.#hidden.get(name);
    if (node === undefined) return false;
    this.#hidden.delete(name);
    this.#fs.forget(node.id, 1);
    return true;
  }

  #use(node: Node): void {
    if (!this.#recent.delete(node.id)) this.#fs.remember(node);
    this.#recent.set(node.id, node);
    if (this.#recent.size <= CAPACITY) return;
    const oldest = this.#recent.keys().next().value!;
    this.#recent.delete(oldest);
    this.#fs.forget(oldest, 1);
  }
}

function checkedName(name: string): string {
  if (name.length > NAME_MAX) throw new FsError(E.ENAMETOOLONG, name);
  return name;
}
