import type { Caller, FileSystem, Invalidator } from '../../../../src/core/filesystem';
import type { Node } from '../../../../src/core/node';
import { check, E, FsError } from '../../../../src/sys/errno';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../../../src/sys/file';
import { S_IFDIR, S_IFREG, Stat } from '../../../../src/sys/stat';
import { XATTR_SIZE_MAX } from '../../../../src/sys/xattr';
import { isHandle, type ListedEntry, requireFile, splitPath, type Tree } from './tree';

/** What the kernel remembers of a node, for as long as a name or a handle leads to it. */
interface Inode {
  readonly id: number;
  readonly type: number;
  /** References that the file system counted, to be given back by a forget. */
  lookups: number;
  /** Names and handles that lead here. */
  uses: number;
  /** Of a directory: names that were looked up; null: there is nothing. */
  readonly children: Map<string, Inode | null>;
  attributes: Stat | null;
  /** Bytes of a file or the target of a symbolic link. */
  pages: Buffer | null;
  entries: ListedEntry[] | null;
}

/** How many entries fit into one answer to a listing. */
const PAGE = 3;

/**
 * A mounted file system as the kernel presents it: everything is asked for once and then kept for good, until users
 * change it through the mount or the file system says that it is no longer so.
 */
export class MountTree implements Tree, Invalidator {
  readonly #fs: FileSystem;
  readonly #caller: Caller;
  readonly #inodes = new Map<number, Inode>();
  readonly #handles = new Map<string, Inode>();
  readonly #root: Inode;
  #pending: (() => void)[] = [];
  #listings = 0;

  constructor(fs: FileSystem, caller: Caller = { uid: 0, gid: 0, umask: 0 }) {
    this.#fs = fs;
    this.#caller = caller;
    this.#root = this.#inode(fs.root);
    this.#root.uses = 1;
  }

  /** Takes note of what the file system changed by itself; {@link deliver} acts on it, as the driver does later. */
  inode(id: number, offset: number): void {
    this.#pending.push(() => this.#dropInode(id, offset >= 0));
  }

  entry({ id }: Node, name: string): void {
    this.#pending.push(() => this.#dropEntry(id, name));
  }

  deliver(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const invalidate of pending) invalidate();
  }

  /** Forgets all that no handle holds, as the kernel does when memory is short. Returns the ids of those nodes. */
  dropCaches(): number[] {
    const known = [...this.#inodes.keys()];
    this.#dropChildren(this.#root);
    this.#clear(this.#root);
    for (const inode of this.#inodes.values()) this.#clear(inode);
    return known.filter((id) => !this.#inodes.has(id));
  }

  closeHandles(): void {
    for (const inode of this.#handles.values()) this.#release(inode);
    this.#handles.clear();
  }

  mknod(path: string, mode: number, rdev: number): void {
    this.#make(path, (parent, name) => this.#fs.mknod(parent, name, mode, rdev, this.#caller));
  }

  mkdir(path: string, mode: number): void {
    // The kernel passes on neither setuid nor setgid of a new directory.
    this.#make(path, (parent, name) => this.#fs.mkdir(parent, name, mode & 0o1777, this.#caller));
  }

  symlink(path: string, target: string): void {
    this.#make(path, (parent, name) => this.#fs.symlink(parent, name, target, this.#caller));
  }

  link(from: string, to: string): void {
    const inode = this.#find(from);
    const { parent, name } = this.#place(to);
    this.#lookup(parent, name);
    this.#fs.link(this.#node(inode), this.#node(parent), name);
    inode.attributes = null;
    this.#clear(parent);
    inode.lookups++;
    this.#fs.remember(this.#node(inode));
    this.#putEntry(parent, name, inode);
  }

  unlink(path: string): void {
    this.#remove(path, (parent, name) => {
      this.#fs.unlink(parent, name);
    });
  }

  rmdir(path: string): void {
    this.#remove(path, (parent, name) => {
      this.#fs.rmdir(parent, name);
    });
  }

  rename(from: string, to: string, flags: number): void {
    const source = this.#place(from);
    const target = this.#place(to);
    const moved = this.#lookup(source.parent, source.name);
    const replaced = this.#lookup(target.parent, target.name);
    this.#refuseTraps(from, moved, to, replaced, flags);
    this.#fs.rename(this.#node(source.parent), source.name, this.#node(target.parent), target.name, flags);
    this.#clear(source.parent);
    this.#clear(target.parent);
    if (moved === replaced || moved === null) return;
    moved.attributes = null;
    if (replaced !== null) replaced.attributes = null;
    if (flags === RENAME_EXCHANGE) {
      source.parent.children.set(source.name, replaced);
      target.parent.children.set(target.name, moved);
      return;
    }
    source.parent.children.delete(source.name);
    this.#dropName(target.parent, target.name);
    target.parent.children.set(target.name, moved);
  }

  write(path: string, offset: number, bytes: Buffer): void {
    const inode = this.#file(path);
    const written = this.#fs.write(this.#node(inode), bytes, bytes.length, offset);
    if (written !== bytes.length) throw new Error(`${path}: ${written} of ${bytes.length} bytes written`);
    this.#clear(inode);
  }

  truncate(path: string, size: number): void {
    const inode = this.#file(path);
    this.#fs.setattr(this.#node(inode), { size });
    this.#clear(inode);
  }

  fallocate(path: string, mode: number, offset: number, length: number): void {
    const inode = this.#file(path);
    this.#fs.fallocate(this.#node(inode), mode, offset, length);
    this.#clear(inode);
  }

  copyRange(from: string, fromOffset: number, to: string, toOffset: number, length: number): number {
    const source = this.#file(from);
    const target = this.#file(to);
    // The kernel asks for no copying past the end, nor onto itself.
    const count = Math.min(length, this.#attributes(source).size - fromOffset);
    if (count <= 0) return 0;
    if (source === target && Math.abs(toOffset - fromOffset) < count) throw new FsError(E.EINVAL, to);
    const copied = this.#fs.copyFileRange(
      this.#node(source),
      fromOffset,
      this.#node(target),
      toOffset,
      length,
    );
    this.#clear(target);
    return copied;
  }

  chmod(path: string, mode: number): void {
    const inode = this.#find(path);
    this.#fs.setattr(this.#node(inode), { mode });
    inode.attributes = null;
  }

  chown(path: string, uid: number, gid: number): void {
    const inode = this.#find(path);
    this.#fs.setattr(this.#node(inode), { uid, gid });
    inode.attributes = null;
  }

  utimes(path: string, sec: number, nsec: number): void {
    const inode = this.#find(path);
    this.#fs.setattr(this.#node(inode), { atime: { sec, nsec }, mtime: { sec, nsec } });
    inode.attributes = null;
  }

  setXattr(path: string, name: string, value: Buffer, flags: number): void {
    const inode = this.#find(path);
    refuseUserXattr(inode.type, name, path);
    this.#fs.setxattr(this.#node(inode), name, value, flags);
    inode.attributes = null;
  }

  removeXattr(path: string, name: string): void {
    const inode = this.#find(path);
    refuseUserXattr(inode.type, name, path);
    this.#fs.removexattr(this.#node(inode), name);
    inode.attributes = null;
  }

  open(handle: string, path: string): void {
    this.#hold(handle, this.#file(path));
  }

  tmpfile(handle: string, path: string, mode: number): void {
    const inode = this.#find(path);
    if (inode.type !== S_IFDIR) throw new FsError(E.ENOTDIR, path);
    this.#hold(handle, this.#remembered(this.#fs.tmpfile(this.#node(inode), mode, this.#caller)));
  }

  list(path: string): ListedEntry[] {
    const inode = this.#find(path);
    inode.entries ??= this.#readEntries(inode);
    return inode.entries;
  }

  stat(path: string): Stat {
    return this.#attributes(this.#find(path));
  }

  identity(path: string): string {
    return String(this.stat(path).ino);
  }

  read(path: string): Buffer {
    const inode = this.#file(path);
    if (inode.pages !== null) return inode.pages;
    const { size } = this.#attributes(inode);
    const bytes = Buffer.alloc(size + 1);
    const length = this.#fs.read(this.#node(inode), bytes, bytes.length, 0);
    if (length !== size) throw new Error(`${path}: ${length} bytes read of ${size}`);
    inode.pages = bytes.subarray(0, size);
    return inode.pages;
  }

  readlink(path: string): string {
    const inode = this.#find(path);
    inode.pages ??= Buffer.from(this.#fs.readlink(this.#node(inode)), 'latin1');
    return inode.pages.toString('latin1');
  }

  xattrs(path: string): Map<string, string> {
    const node = this.#node(this.#find(path));
    const names = Buffer.alloc(this.#fs.listxattr(node, Buffer.alloc(0)));
    if (names.length > 0) this.#fs.listxattr(node, names);
    const values = new Map<string, string>();
    const value = Buffer.alloc(XATTR_SIZE_MAX);
    for (const name of names.toString('latin1').split('\0').filter(Boolean)) {
      values.set(name, value.toString('latin1', 0, check(this.#fs.getxattr(node, name, value), name)));
    }
    return values;
  }

  #hold(handle: string, inode: Inode): void {
    const old = this.#handles.get(handle);
    inode.uses++;
    this.#handles.set(handle, inode);
    if (old !== undefined) this.#release(old);
  }

  #node(inode: Inode): Node {
    return this.#fs.node(inode.id);
  }

  #inode(node: Node): Inode {
    let inode = this.#inodes.get(node.id);
    if (inode === undefined) {
      const nothing = { attributes: null, pages: null, entries: null };
      inode = { id: node.id, type: node.type, lookups: 0, uses: 0, children: new Map(), ...nothing };
      this.#inodes.set(node.id, inode);
    }
    return inode;
  }

  /** What an answer with an entry brings: the node, counted, with its attributes. */
  #remembered(node: Node): Inode {
    const inode = this.#inode(node);
    this.#fs.remember(node);
    inode.lookups++;
    inode.attributes = new Stat();
    this.#fs.getattr(node, inode.attributes);
    return inode;
  }

  #putEntry(parent: Inode, name: string, inode: Inode): void {
    inode.uses++;
    this.#dropName(parent, name);
    parent.children.set(name, inode);
  }

  #lookup(parent: Inode, name: string): Inode | null {
    if (parent.type !== S_IFDIR) throw new FsError(E.ENOTDIR, name);
    const known = parent.children.get(name);
    if (known !== undefined) return known;
    const node = this.#fs.lookup(this.#node(parent), name);
    if (node === null) {
      parent.children.set(name, null);
      return null;
    }
    const inode = this.#remembered(node);
    this.#putEntry(parent, name, inode);
    return inode;
  }

  #find(path: string): Inode {
    if (isHandle(path)) {
      const inode = this.#handles.get(path);
      if (inode === undefined) throw new FsError(E.EBADF, path);
      return inode;
    }
    let at = this.#root;
    for (const name of path === '' ? [] : path.split('/')) {
      const next = this.#lookup(at, name);
      if (next === null) throw new FsError(E.ENOENT, path);
      at = next;
    }
    return at;
  }

  #place(path: string): { parent: Inode; name: string } {
    const { parent, name } = splitPath(path);
    const inode = this.#find(parent);
    if (inode.type !== S_IFDIR) throw new FsError(E.ENOTDIR, path);
    return { parent: inode, name };
  }

  #file(path: string): Inode {
    const inode = this.#find(path);
    requireFile(this.#attributes(inode), path);
    return inode;
  }

  #attributes(inode: Inode): Stat {
    if (inode.attributes === null) {
      inode.attributes = new Stat();
      this.#fs.getattr(this.#node(inode), inode.attributes);
    }
    return inode.attributes;
  }

  /** The kernel looks a name up before it asks for something new of that name. */
  #make(path: string, make: (parent: Node, name: string) => Node): void {
    const { parent, name } = this.#place(path);
    this.#lookup(parent, name);
    const node = make(this.#node(parent), name);
    this.#clear(parent);
    this.#putEntry(parent, name, this.#remembered(node));
  }

  #remove(path: string, remove: (parent: Node, name: string) => void): void {
    const { parent, name } = this.#place(path);
    const inode = this.#lookup(parent, name);
    remove(this.#node(parent), name);
    if (inode !== null) inode.attributes = null;
    this.#clear(parent);
    this.#dropName(parent, name);
  }

  /** What the kernel's own rename refuses before it asks the file system. */
  #refuseTraps(from: string, moved: Inode | null, to: string, replaced: Inode | null, flags: number): void {
    if (moved === null) throw new FsError(E.ENOENT, from);
    if (flags === RENAME_NOREPLACE && replaced !== null) throw new FsError(E.EEXIST, to);
    if (flags === RENAME_EXCHANGE && replaced === null) throw new FsError(E.ENOENT, to);
    if (to.startsWith(`${from}/`)) throw new FsError(E.EINVAL, from);
    if (from.startsWith(`${to}/`)) throw new FsError(flags === RENAME_EXCHANGE ? E.EINVAL : E.ENOTEMPTY, to);
  }

  #readEntries(inode: Inode): ListedEntry[] {
    const entries: ListedEntry[] = [];
    const withNodes = this.#listings++ % 2 === 1;
    for (let cookie = 0, room = 0; room === 0;) {
      room = PAGE;
      this.#fs.list(this.#node(inode), cookie, withNodes, (name, node, ino, _type, next) => {
        if (room === 0) return false;
        room--;
        cookie = next;
        entries.push({ name, ino });
        if (node !== null) this.#putEntry(inode, name, this.#remembered(node));
        return true;
      });
    }
    return entries;
  }

  /** Of a file the bytes, of a directory the entries; and the attributes. */
  #clear(inode: Inode): void {
    inode.attributes = null;
    inode.pages = null;
    inode.entries = null;
  }

  #dropInode(id: number, contents: boolean): void {
    const inode = this.#inodes.get(id);
    if (inode === undefined) return;
    if (contents) this.#clear(inode);
    else inode.attributes = null;
  }

  #dropEntry(parentId: number, name: string): void {
    const parent = this.#inodes.get(parentId);
    if (parent === undefined) return;
    this.#clear(parent);
    this.#dropName(parent, name);
  }

  #dropName(parent: Inode, name: string): void {
    const inode = parent.children.get(name);
    parent.children.delete(name);
    if (inode === undefined || inode === null) return;
    this.#dropChildren(inode);
    this.#release(inode);
  }

  #dropChildren(inode: Inode): void {
    for (const name of [...inode.children.keys()]) this.#dropName(inode, name);
  }

  #release(inode: Inode): void {
    inode.uses--;
    if (inode.uses > 0) return;
    this.#inodes.delete(inode.id);
    this.#fs.forget(inode.id, inode.lookups);
  }
}

function refuseUserXattr(type: number, name: string, path: string): void {
  if (name.startsWith('user.') && type !== S_IFREG && type !== S_IFDIR) throw new FsError(E.EPERM, path);
}
