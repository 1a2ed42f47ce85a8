import { check } from '../sys/errno';
import { getattr } from './attributes';
import { DamageError } from './damage';
import { listDirectory, readDirectory } from '../sys/directory';
import type { ListVisitor } from './filesystem';
import type { Node } from './node';
import { dirOf, type Union } from './union';
import { Stat } from '../sys/stat';

interface Entry {
  readonly name: string;
  /** Of the layer it comes from; 0 where only a lookup can tell the number that users see. */
  readonly ino: number;
  readonly type: number;
}

/**
 * The merged names of a directory. An entry's cookie is its place here; names that vanish leave a gap and new ones go
 * to the end, so that a reader who comes back with a cookie neither misses nor repeats an entry that stayed.
 */
export class Listing {
  readonly #entries: (Entry | null)[] = [];
  readonly #places = new Map<string, number>();
  /** Whether it differs from what reading the layers again would give. */
  changed = false;

  get length(): number {
    return this.#entries.length;
  }

  at(place: number): Entry | null {
    return this.#entries[place] ?? null;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  append(name: string, ino: number, type: number): void {
    this.#places.set(name, this.#entries.length);
    this.#entries.push({ name, ino, type });
  }

  /** A name came to be, or stands for something else now. */
  add(name: string): void {
    this.changed = true;
    const place = this.#places.get(name);
    if (place === undefined) this.append(name, 0, 0);
    else this.#entries[place] = { name, ino: 0, type: 0 };
  }

  remove(name: string): void {
    const place = this.#places.get(name);
    if (place === undefined) return;
    this.changed = true;
    this.#entries[place] = null;
    this.#places.delete(name);
  }
}

const stat = new Stat();

/** Lists a directory; see `FileSystem.list`. */
export function list(u: Union, node: Node, cookie: number, withNodes: boolean, visit: ListVisitor): void {
  const dir = dirOf(node);
  if (node.orphan) return;
  dir.listing ??= readNames(u, node, listDirectory);
  const { listing } = dir;
  let place = cookie;
  for (; place < listing.length; place++) {
    const entry = listing.at(place);
    if (entry === null) continue;
    if (!visitEntry(u, node, entry, place + 1, withNodes, visit)) return;
  }
  // Reading the layers again would give the same places: no need to remember them.
  if (!listing.changed) dir.listing = null;
}

function visitEntry(
  u: Union,
  parent: Node,
  entry: Entry,
  cookie: number,
  withNodes: boolean,
  visit: ListVisitor,
): boolean {
  const known = entry.ino > 0;
  if (known && !withNodes) return visit(entry.name, null, entry.ino, entry.type, cookie);
  const child = u.lookup(parent, entry.name);
  if (child === null) return true;
  if (known) return visit(entry.name, child, entry.ino, entry.type, cookie);
  getattr(u, child, stat);
  const goOn = visit(entry.name, withNodes ? child : null, stat.ino, child.type, cookie);
  if (!withNodes) u.release(child);
  return goOn;
}

function readNames(u: Union, node: Node, read: typeof readDirectory): Listing {
  if (node.damage !== null) throw new DamageError(node.path, node.damage);
  const dir = dirOf(node);
  const listing = new Listing();
  const upper = u.upperNames(node);
  for (const [name, { whiteout }] of upper) if (!whiteout) listing.append(name, 0, 0);
  for (const lower of dir.lowers) {
    const fd = u.dirFds.get(lower);
    const device = u.inodes.device(lower.layer);
    const first = lower === dir.lowers[0];
    const result = read(fd, '', (name, ino, type) => {
      if (upper.has(name) || (!first && listing.has(name))) return;
      listing.append(name, u.inodes.of(device, ino), type);
    });
    check(result, node.path);
  }
  return listing;
}

/** The names that a directory may show; some of those of the bases turn out to be none when they are looked up. */
export function* names(u: Union, node: Node): Generator<string> {
  const listing = node.dir?.listing ?? readNames(u, node, readDirectory);
  for (let place = 0; place < listing.length; place++) {
    const entry = listing.at(place);
    if (entry !== null) yield entry.name;
  }
}

/** Whether a directory shows no entry. */
export function isEmpty(u: Union, node: Node): boolean {
  for (const name of names(u, node)) {
    const child = u.lookup(node, name);
    if (child === null) continue;
    u.release(child);
    return false;
  }
  return true;
}
