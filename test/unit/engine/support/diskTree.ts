import { toBytes } from '../../../../src/sys/bytes';
import { readDirectory } from '../../../../src/sys/directory';
import { check, E, FsError } from '../../../../src/sys/errno';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  chmodAt,
  chownAt,
  close,
  copyFileRange,
  fallocate,
  fchmod,
  fchown,
  ftruncate,
  futimens,
  linkAt,
  linkFd,
  mkdirAt,
  mknodAt,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  openAt,
  pread,
  pwrite,
  readlinkAt,
  renameAt,
  symlinkAt,
  unlinkAt,
  utimensAt,
} from '../../../../src/sys/file';
import { birthAt, S_IFLNK, Stat, statAt } from '../../../../src/sys/stat';
import {
  getXattrAt,
  listXattrAt,
  removeXattrAt,
  setXattrAt,
  XATTR_SIZE_MAX,
} from '../../../../src/sys/xattr';
import { isHandle, type ListedEntry, requireFile, type Tree } from './tree';

const attributes = Buffer.alloc(XATTR_SIZE_MAX);

/** A plain directory. Symbolic links are never followed, not even on the way. */
export class DiskTree implements Tree {
  readonly #root: number;
  readonly #handles = new Map<string, number>();

  /** @param path absolute, as text */
  constructor(path: string) {
    this.#root = check(openAt(AT_FDCWD, toBytes(path), O_PATH | O_DIRECTORY), path);
  }

  close(): void {
    this.closeHandles();
    close(this.#root);
  }

  /** What is open. */
  handles(): string[] {
    return [...this.#handles.keys()];
  }

  closeHandles(): void {
    for (const fd of this.#handles.values()) close(fd);
    this.#handles.clear();
  }

  mknod(path: string, mode: number, rdev: number): void {
    this.#at(path, (fd, name) => mknodAt(fd, name, mode, rdev));
  }

  mkdir(path: string, mode: number): void {
    this.#at(path, (fd, name) => mkdirAt(fd, name, mode));
  }

  symlink(path: string, target: string): void {
    this.#at(path, (fd, name) => symlinkAt(target, fd, name));
  }

  link(from: string, to: string): void {
    // The kernel finds the file before it looks where the link goes.
    this.stat(from);
    this.#at(from, (fd, name) =>
      this.#at(to, (toFd, toName) =>
        name === '' ? linkFd(fd, toFd, toName) : linkAt(fd, name, toFd, toName),
      ),
    );
  }

  unlink(path: string): void {
    this.#at(path, (fd, name) => unlinkAt(fd, name));
  }

  rmdir(path: string): void {
    this.#at(path, (fd, name) => unlinkAt(fd, name, AT_REMOVEDIR));
  }

  rename(from: string, to: string, flags: number): void {
    this.#at(from, (fd, name) => this.#at(to, (toFd, toName) => renameAt(fd, name, toFd, toName, flags)));
  }

  write(path: string, offset: number, bytes: Buffer): void {
    this.#withFile(path, (fd) => pwrite(fd, bytes, bytes.length, offset));
  }

  truncate(path: string, size: number): void {
    this.#withFile(path, (fd) => ftruncate(fd, size));
  }

  fallocate(path: string, mode: number, offset: number, length: number): void {
    this.#withFile(path, (fd) => fallocate(fd, mode, offset, length));
  }

  copyRange(from: string, fromOffset: number, to: string, toOffset: number, length: number): number {
    return this.#withFile(from, (fd) =>
      this.#withFile(to, (toFd) => copyFileRange(fd, fromOffset, toFd, toOffset, length)),
    );
  }

  chmod(path: string, mode: number): void {
    if (this.stat(path).type === S_IFLNK) throw new FsError(E.EOPNOTSUPP, path);
    this.#at(path, (fd, name) => (name === '' ? fchmod(fd, mode) : chmodAt(fd, name, mode)));
  }

  chown(path: string, uid: number, gid: number): void {
    this.#at(path, (fd, name) => (name === '' ? fchown(fd, uid, gid) : chownAt(fd, name, uid, gid)));
  }

  utimes(path: string, sec: number, nsec: number): void {
    this.#at(path, (fd, name) =>
      name === '' ? futimens(fd, sec, nsec, sec, nsec) : utimensAt(fd, name, sec, nsec, sec, nsec),
    );
  }

  setXattr(path: string, name: string, value: Buffer, flags: number): void {
    this.#at(path, (fd, file) => setXattrAt(fd, file, name, value, flags));
  }

  removeXattr(path: string, name: string): void {
    this.#at(path, (fd, file) => removeXattrAt(fd, file, name));
  }

  open(handle: string, path: string): void {
    this.#hold(
      handle,
      this.#at(path, (dirFd, name) => openFile(dirFd, name, path)),
    );
  }

  tmpfile(handle: string, path: string, mode: number): void {
    this.#hold(
      handle,
      this.#at(path, (dirFd, name) => openAt(dirFd, name, O_TMPFILE | O_NOFOLLOW | O_RDWR, mode)),
    );
  }

  list(path: string): ListedEntry[] {
    const entries: ListedEntry[] = [];
    this.#at(path, (fd, name) => readDirectory(fd, name, (each, ino) => entries.push({ name: each, ino })));
    return entries;
  }

  stat(path: string): Stat {
    const stat = new Stat();
    this.#at(path, (fd, name) => statAt(fd, name, stat));
    return stat;
  }

  identity(path: string): string {
    const { ino } = this.stat(path);
    // File systems give an inode's number away again when it is gone.
    let birth = 0;
    this.#at(path, (fd, name) => {
      birth = birthAt(fd, name);
      return 0;
    });
    return `${ino} of ${birth}`;
  }

  read(path: string): Buffer {
    const stat = this.stat(path);
    const bytes = Buffer.alloc(stat.size);
    this.#withFile(path, (fd) => pread(fd, bytes, bytes.length, 0), O_RDONLY);
    return bytes;
  }

  readlink(path: string): string {
    let target: string | number = 0;
    this.#at(path, (fd, name) => {
      target = readlinkAt(fd, name);
      return typeof target === 'number' ? target : 0;
    });
    return String(target);
  }

  xattrs(path: string): Map<string, string> {
    const values = new Map<string, string>();
    const names = this.#at(path, (fd, file) => listXattrAt(fd, file, attributes));
    for (const name of attributes.toString('latin1', 0, names).split('\0').filter(Boolean)) {
      const length = this.#at(path, (fd, file) => getXattrAt(fd, file, name, attributes));
      values.set(name, attributes.toString('latin1', 0, length));
    }
    return values;
  }

  /** Calls `use` with a directory's descriptor and a name in it; with a handle's own descriptor and no name. */
  #at(path: string, use: (dirFd: number, name: string) => number): number {
    if (isHandle(path)) return check(use(this.#handle(path), ''), path);
    const names = path.split('/');
    const name = names.pop()!;
    let fd = this.#root;
    try {
      for (const each of names) {
        const next = check(openAt(fd, each, O_PATH | O_DIRECTORY | O_NOFOLLOW), path);
        if (fd !== this.#root) close(fd);
        fd = next;
      }
      return check(use(fd, name === '' ? '.' : name), path);
    } finally {
      if (fd !== this.#root) close(fd);
    }
  }

  #withFile(path: string, use: (fd: number) => number, access = O_RDWR): number {
    if (isHandle(path)) return check(use(this.#handle(path)), path);
    return this.#at(path, (dirFd, name) => {
      const fd = openFile(dirFd, name, path, access);
      try {
        return use(fd);
      } finally {
        close(fd);
      }
    });
  }

  #hold(handle: string, fd: number): void {
    const old = this.#handles.get(handle);
    if (old !== undefined) close(old);
    this.#handles.set(handle, fd);
  }

  #handle(path: string): number {
    const fd = this.#handles.get(path);
    if (fd === undefined) throw new FsError(E.EBADF, path);
    return fd;
  }
}

function openFile(dirFd: number, name: string, path: string, access = O_RDWR): number {
  const stat = new Stat();
  check(statAt(dirFd, name, stat), path);
  requireFile(stat, path);
  return check(openAt(dirFd, name, access | O_NOFOLLOW | O_NONBLOCK), path);
}
