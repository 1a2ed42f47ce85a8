import type { FileSystem } from '../../core/filesystem';
import type { Node } from '../../core/node';
import { CowspaceError } from '../../protocol/errors';
import { toBytes } from '../../sys/bytes';
import { S_IFLNK, Stat } from '../../sys/stat';
import { permits, SEARCH, type User } from './permissions';

/** As many symbolic links in one path as Linux follows. */
const MAX_LINKS = 40;

/** Where a path leads. */
export interface Place {
  /** The directory that has, or would have, the entry; null for the root. */
  readonly parent: Node | null;
  readonly name: string;
  /** Null: there is no such entry. */
  readonly node: Node | null;
}

/**
 * Follows a path and calls `use` with where it leads. The nodes on the way are remembered meanwhile.
 *
 * @param path relative to the workspace, as text
 * @param follow whether a symbolic link at its end is followed
 * @throws CowspaceError `not-found`, `usage`, `denied`
 */
export function walk<T>(
  fs: FileSystem,
  user: User,
  path: string,
  follow: boolean,
  use: (place: Place) => T,
): T {
  const held: Node[] = [];
  const hold = (node: Node | null): Node | null => {
    if (node === null) return null;
    fs.remember(node);
    held.push(node);
    return node;
  };
  try {
    return use(findPlace(fs, user, path, follow, hold));
  } finally {
    for (const node of held) fs.forget(node.id, 1);
  }
}

const stat = new Stat();

function findPlace(
  fs: FileSystem,
  user: User,
  path: string,
  follow: boolean,
  hold: (node: Node | null) => Node | null,
): Place {
  const names = split(toBytes(path));
  if (names.includes('..')) {
    throw new CowspaceError('usage', `${path}: paths cannot contain "..".`, { path });
  }
  const above: Node[] = [fs.root];
  let links = 0;
  for (;;) {
    const dir = above.at(-1)!;
    const name = names.shift();
    if (name === undefined) return { parent: above.at(-2) ?? null, name: dir.name, node: dir };
    if (name === '..') {
      if (above.length === 1) throw outside(path);
      above.pop();
      continue;
    }
    if (dir.dir === null) throw notFound(path);
    fs.getattr(dir, stat);
    if (!permits(stat, user, SEARCH)) throw denied(path);
    const node = hold(fs.lookup(dir, name));
    const isLink = node?.type === S_IFLNK;
    if (names.length === 0 && !(isLink && follow)) return { parent: dir, name, node };
    if (node === null) throw notFound(path);
    if (!isLink) {
      above.push(node);
      continue;
    }
    const target = fs.readlink(node);
    if (target.startsWith('/')) throw outside(path);
    if (++links > MAX_LINKS) throw new CowspaceError('usage', `${path}: too many symbolic links.`, { path });
    names.unshift(...split(target));
  }
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

export function notFound(path: string): CowspaceError {
  return new CowspaceError('not-found', `${path}: there is no such file.`, { path });
}

export function denied(path: string): CowspaceError {
  return new CowspaceError('denied', `${path}: its permissions do not allow this.`, { path });
}

function outside(path: string): CowspaceError {
  return new CowspaceError('denied', `${path}: a symbolic link leads out of the workspace.`, { path });
}
