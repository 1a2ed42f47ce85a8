import type { StatFs } from '../sys/file';
import type { Stat } from '../sys/stat';
import type { Node } from './node';

/** Who asks: the owner of what is created, as FUSE's `fuse_in_header` has it. */
export interface Caller {
  uid: number;
  gid: number;
  /** The caller's file mode mask where the driver has not applied it yet, else 0. */
  umask: number;
}

/** What `setattr` shall change; absent fields stay. `'now'` takes the clock of the file system. */
export interface AttrChange {
  mode?: number;
  uid?: number;
  gid?: number;
  /** Bytes. */
  size?: number;
  atime?: Time | 'now';
  mtime?: Time | 'now';
}

export interface Time {
  sec: number;
  nsec: number;
}

/** Receives one directory entry; returns false when there is no room for it, which ends the listing. */
export type ListVisitor = (
  name: string,
  node: Node | null,
  ino: number,
  type: number,
  cookie: number,
) => boolean;

/**
 * The union as a mount driver sees it. All calls are synchronous, names are byte strings (see `sys/bytes.ts`),
 * and every failure is a thrown `FsError` whose errno goes to the caller as it is.
 *
 * A driver holds on to nodes by `remember` and lets them go by `forget`; between the two a node's id is valid,
 * also after its last name is gone.
 */
export interface FileSystem {
  readonly root: Node;
  /** The node with this id. @throws ESTALE */
  node(id: number): Node;
  /** The child, or null when there is none (a whiteout counts as none). */
  lookup(parent: Node, name: string): Node | null;
  /** Counts one reference of the driver on the node. */
  remember(node: Node): void;
  /** Takes back `count` references; a node without any may leave the memory. Unknown ids are ignored. */
  forget(id: number, count: number): void;

  /** Fills `out` with the node's attributes as users of the mount shall see them. */
  getattr(node: Node, out: Stat): void;
  setattr(node: Node, change: AttrChange): void;
  readlink(node: Node): string;

  mknod(parent: Node, name: string, mode: number, rdev: number, caller: Caller): Node;
  mkdir(parent: Node, name: string, mode: number, caller: Caller): Node;
  symlink(parent: Node, name: string, target: string, caller: Caller): Node;
  /**
   * Creates a regular file without a name, with what a file in this directory would get (`O_TMPFILE`). `link` gives
   * it a name; a file that nobody remembers any more is gone.
   */
  tmpfile(parent: Node, mode: number, caller: Caller): Node;
  /** @throws ENOENT when the node's last name is gone */
  link(node: Node, parent: Node, name: string): void;
  unlink(parent: Node, name: string): void;
  rmdir(parent: Node, name: string): void;
  /** `flags`: 0, RENAME_NOREPLACE or RENAME_EXCHANGE; others give EINVAL. */
  rename(parent: Node, name: string, newParent: Node, newName: string, flags: number): void;

  /** Reads into the start of `buffer`; returns the bytes read, fewer than `length` only at the end of the file. */
  read(node: Node, buffer: Buffer, length: number, position: number): number;
  /** Writes the start of `buffer`; returns the bytes written. */
  write(node: Node, buffer: Buffer, length: number, position: number): number;
  /** `mode` as in `fallocate(2)`. @throws EOPNOTSUPP for modes it cannot do */
  fallocate(node: Node, mode: number, offset: number, length: number): void;
  /** `SEEK_DATA` or `SEEK_HOLE`. @throws ENXIO */
  lseek(node: Node, offset: number, whence: number): number;
  copyFileRange(from: Node, fromOffset: number, to: Node, toOffset: number, length: number): number;
  fsync(node: Node, dataOnly: boolean): void;
  fsyncdir(node: Node): void;
  /** Makes everything durable. */
  syncfs(): void;

  /**
   * Lists a directory from `cookie` on (0: its start), without `.` and `..`. A cookie stays valid while its
   * directory changes: entries that stay are seen exactly once. With `withNodes` each entry comes with its node.
   */
  list(dir: Node, cookie: number, withNodes: boolean, visit: ListVisitor): void;
  /** Id and inode number of the directory above, for `..`; the root is its own parent. */
  parentOf(dir: Node): Node;

  /**
   * Reads into `into`, or returns the size when `into` is empty. Returns a negative errno (ENODATA, ERANGE), as the
   * kernel asks for attributes that hardly any file has before each write.
   */
  getxattr(node: Node, name: string, into: Buffer): number;
  setxattr(node: Node, name: string, value: Buffer, flags: number): void;
  /** Names, each closed by NUL. @throws ERANGE */
  listxattr(node: Node, into: Buffer): number;
  removexattr(node: Node, name: string): void;
  statfs(out: StatFs): void;
}

/**
 * What the kernel has cached and must drop because the engine changed it by itself (commit, discard, refresh).
 * A driver without invalidation ignores it. The engine calls this while it works; a driver must deliver later, from
 * another thread than the one that answers requests: delivering waits for locks that a pending request may hold.
 */
export interface Invalidator {
  /** Attributes of a node, and its cached bytes from `offset` on for `length` (0: to the end; offset -1: attributes only). */
  inode(id: number, offset: number, length: number): void;
  /**
   * A name below a directory, whether it was known to exist or not to exist, with all below it. With `stays` it
   * stands for what it stood for, and nobody who watches the directory need be told.
   */
  entry(parent: Node, name: string, stays?: boolean): void;
}
