import { E, FsError } from '../../../../src/sys/errno';
import { S_IFDIR, S_IFREG, type Stat } from '../../../../src/sys/stat';

/**
 * A tree of files as its users act on it; a workspace's and a plain directory's answer alike. Paths are byte strings
 * below the tree's root, `''` for the root; `@` and a digit stand for what {@link open} opened.
 *
 * Every failure is a thrown FsError.
 */
export interface Tree {
  mknod(path: string, mode: number, rdev: number): void;
  mkdir(path: string, mode: number): void;
  symlink(path: string, target: string): void;
  link(from: string, to: string): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  rename(from: string, to: string, flags: number): void;

  write(path: string, offset: number, bytes: Buffer): void;
  truncate(path: string, size: number): void;
  fallocate(path: string, mode: number, offset: number, length: number): void;
  /** Returns how many bytes were copied. */
  copyRange(from: string, fromOffset: number, to: string, toOffset: number, length: number): number;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  /** Sets both times. */
  utimes(path: string, sec: number, nsec: number): void;
  setXattr(path: string, name: string, value: Buffer, flags: number): void;
  removeXattr(path: string, name: string): void;

  /** Opens a regular file for as long as the tree lives; the handle's earlier file is closed. */
  open(handle: string, path: string): void;
  /** As {@link open}, of a new file without a name, made for a directory; {@link link} gives it one. */
  tmpfile(handle: string, path: string, mode: number): void;

  list(path: string): ListedEntry[];
  stat(path: string): Stat;
  /** Differs between any two inodes that ever were in the tree, and is the same for all names of one. */
  identity(path: string): string;
  read(path: string): Buffer;
  readlink(path: string): string;
  xattrs(path: string): Map<string, string>;
}

export interface ListedEntry {
  readonly name: string;
  readonly ino: number;
}

export function isHandle(path: string): boolean {
  return path.startsWith('@');
}

/** What the kernel answers to reading or writing anything else. */
export function requireFile({ type }: Stat, path: string): void {
  if (type !== S_IFREG) throw new FsError(type === S_IFDIR ? E.EISDIR : E.EINVAL, path);
}

export function splitPath(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf('/');
  return { parent: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

export function childPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}
