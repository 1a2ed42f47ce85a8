import { fileType } from '../../core/changes';
import type { FileSystem } from '../../core/filesystem';
import type { Job } from '../../core/job';
import type { Node } from '../../core/node';
import type { EditorEntry, EditorStat, EditorWriteOptions } from '../../protocol/editorFiles';
import { CowspaceError, isRefusedWith } from '../../protocol/errors';
import { toText } from '../../sys/bytes';
import { S_IFDIR, S_IFLNK, S_IFREG, SET_ID, Stat } from '../../sys/stat';
import { currentUser, permits, READ, SEARCH, type User, WRITE } from './permissions';
import { denied, notFound, type Place, walk } from './walk';

/**
 * The files of a workspace that is not mounted, for an editor. It checks what the kernel checks for a mount:
 * permissions, kinds of files, what may replace what.
 */
export class EditorFiles {
  readonly #fs: FileSystem;
  readonly #user: User;
  readonly #stat = new Stat();

  constructor(fs: FileSystem, user = currentUser()) {
    this.#fs = fs;
    this.#user = user;
  }

  /** What is at a path; null for nothing. @throws CowspaceError `denied` */
  stat(path: string): EditorStat | null {
    return this.#walk(path, false, ({ node }) => {
      if (node === null) return null;
      const link = node.type === S_IFLNK;
      return { link, ...((link ? this.#statTarget(path) : null) ?? this.#describe(node)) };
    });
  }

  /** What a directory has. @throws CowspaceError `not-found`, `denied`, `usage` */
  list(path: string): EditorEntry[] {
    return this.names(path).flatMap((name) => {
      const stat = this.stat(joinText(path, name));
      return stat === null ? [] : [{ name, type: stat.type, link: stat.link }];
    });
  }

  /** Names in a directory. @throws CowspaceError as {@link list} */
  names(path: string): string[] {
    return this.#walk(path, true, (place) => {
      const node = existing(place, path);
      if (node.dir === null) throw new CowspaceError('usage', `${path} is not a directory.`, { path });
      this.#demand(node, READ, path);
      const names: string[] = [];
      this.#fs.list(node, 0, false, (name) => {
        names.push(toText(name));
        return true;
      });
      return names;
    });
  }

  /** Reads up to `length` bytes. @throws CowspaceError `not-found`, `denied`, `usage` */
  read(path: string, offset: number, length: number): Buffer {
    return this.#walk(path, true, (place) => {
      const node = this.#file(existing(place, path), path, READ);
      const buffer = Buffer.allocUnsafe(length);
      return buffer.subarray(0, this.#fs.read(node, buffer, length, offset));
    });
  }

  /** Writes all of `bytes`. @throws CowspaceError `not-found`, `exists`, `denied`, `usage` */
  write(path: string, bytes: Buffer, offset: number, options: EditorWriteOptions): void {
    this.#walk(path, true, (place) => {
      const node = this.#openForWriting(place, path, options);
      if (options.truncate) this.#fs.setattr(node, { size: 0 });
      let done = 0;
      while (done < bytes.length) {
        const rest = bytes.subarray(done);
        done += this.#fs.write(node, rest, rest.length, offset + done);
      }
      this.#dropSetId(node);
    });
  }

  /** @throws CowspaceError `exists`, `not-found`, `denied` */
  makeDirectory(path: string): void {
    this.#walk(path, false, ({ parent, name, node }) => {
      if (node !== null || parent === null) throw exists(path);
      this.#demand(parent, WRITE | SEARCH, path);
      this.#fs.mkdir(parent, name, 0o755, this.#caller());
    });
  }

  /** @throws CowspaceError `not-found`, `not-empty`, `denied` */
  *remove(path: string, recursive: boolean): Job<void> {
    const isDirectory = this.#walk(path, false, (place) => {
      if (place.parent === null) throw new CowspaceError('usage', 'The workspace itself cannot be deleted.');
      const node = existing(place, path);
      this.#demand(place.parent, WRITE | SEARCH, path);
      return node.dir !== null;
    });
    if (isDirectory) yield* this.#empty(path, recursive);
    this.#walk(path, false, ({ parent, name, node }) => {
      if (parent === null || node === null) return;
      if (node.dir === null) this.#fs.unlink(parent, name);
      else this.#fs.rmdir(parent, name);
    });
    yield undefined;
  }

  /** @throws CowspaceError `not-found`, `exists`, `denied`, `usage` */
  *rename(from: string, to: string, overwrite: boolean): Job<void> {
    const replaces = this.#walk(from, false, (source) => {
      const node = existing(source, from);
      return this.#walk(to, false, (target) => {
        if (target.node === node) return null;
        if (target.node !== null && !overwrite) throw exists(to);
        if (isWithin(target.parent, node) || (target.node !== null && isWithin(node, target.node))) {
          throw new CowspaceError('usage', `${from} cannot take the place of ${to}: one contains the other.`);
        }
        // One file takes the place of another in one step.
        return target.node !== null && (target.node.dir !== null || node.dir !== null);
      });
    });
    if (replaces === null) return;
    if (replaces) yield* this.remove(to, true);
    this.#walk(from, false, (old) => {
      this.#walk(to, false, (target) => {
        if (old.parent === null || target.parent === null) {
          throw new CowspaceError('usage', 'The workspace itself cannot be renamed.');
        }
        this.#demand(old.parent, WRITE | SEARCH, from);
        this.#demand(target.parent, WRITE | SEARCH, to);
        existing(old, from);
        this.#fs.rename(old.parent, old.name, target.parent, target.name, 0);
      });
    });
  }

  *#empty(path: string, recursive: boolean): Job<void> {
    const names = this.names(path);
    if (names.length > 0 && !recursive) {
      throw new CowspaceError('not-empty', `${path} is not empty.`, { path });
    }
    for (const name of names) yield* this.remove(joinText(path, name), true);
  }

  #openForWriting(place: Place, path: string, { create, overwrite }: EditorWriteOptions): Node {
    const { parent, name, node } = place;
    if (node !== null) {
      if (create && !overwrite) throw exists(path);
      return this.#file(node, path, WRITE);
    }
    if (!create || parent === null) throw notFound(path);
    this.#demand(parent, WRITE | SEARCH, path);
    return this.#fs.mknod(parent, name, S_IFREG | 0o644, 0, this.#caller());
  }

  /** As the kernel does when somebody else than root writes. */
  #dropSetId(node: Node): void {
    this.#fs.getattr(node, this.#stat);
    const { mode } = this.#stat;
    if (this.#user.uid === 0 || (mode & SET_ID) === 0) return;
    this.#fs.setattr(node, { mode: mode & 0o7777 & ~SET_ID });
  }

  /** What a symbolic link leads to; null where that cannot be seen. */
  #statTarget(path: string): Omit<EditorStat, 'link'> | null {
    try {
      return this.#walk(path, true, ({ node }) => node && this.#describe(node));
    } catch (error) {
      if (isRefusedWith(error, 'not-found', 'denied', 'usage')) return null;
      throw error;
    }
  }

  #describe(node: Node): Omit<EditorStat, 'link'> {
    const stat = this.#stat;
    this.#fs.getattr(node, stat);
    return {
      type: fileType(node.type),
      size: stat.size,
      mtime: stat.mtime * 1000 + Math.floor(stat.mtimeNsec / 1e6),
      ctime: stat.ctime * 1000 + Math.floor(stat.ctimeNsec / 1e6),
      writable: permits(stat, this.#user, WRITE),
    };
  }

  #file(node: Node, path: string, wanted: number): Node {
    if (node.type === S_IFDIR) throw new CowspaceError('usage', `${path} is a directory.`, { path });
    if (node.type !== S_IFREG)
      throw new CowspaceError('unsupported', `${path} is no regular file.`, { path });
    this.#demand(node, wanted, path);
    return node;
  }

  #demand(node: Node, wanted: number, path: string): void {
    this.#fs.getattr(node, this.#stat);
    if (!permits(this.#stat, this.#user, wanted)) throw denied(path);
  }

  #caller(): { uid: number; gid: number; umask: number } {
    return { uid: this.#user.uid, gid: this.#user.gid, umask: 0 };
  }

  #walk<T>(path: string, follow: boolean, use: (place: Place) => T): T {
    return walk(this.#fs, this.#user, path, follow, use);
  }
}

function existing({ node }: Place, path: string): Node {
  if (node === null) throw notFound(path);
  return node;
}

/** Whether a node is `above`, or below it. */
function isWithin(node: Node | null, above: Node): boolean {
  for (let at = node; at !== null; at = at.parent) if (at === above) return true;
  return false;
}

function exists(path: string): CowspaceError {
  return new CowspaceError('exists', `${path} exists already.`, { path });
}

/** A path below a directory, both as text. */
export function joinText(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}
