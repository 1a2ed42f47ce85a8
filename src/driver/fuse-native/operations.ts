import type { Caller, FileSystem } from '../../core/filesystem';
import type { Node } from '../../core/node';
import { toText } from '../../sys/bytes';
import { E, FsError } from '../../sys/errno';
import type { StatFs } from '../../sys/file';
import { S_IFDIR, Stat } from '../../sys/stat';
import {
  emptyStat,
  emptyStatfs,
  entryArray,
  joined,
  requestedTimes,
  statArray,
  statfsArray,
} from './attributes';
import type { OperationName, Operations, StatArray } from './binding';
import { Nodes } from './nodes';
import { fromLibrary, toLibrary } from './text';

const PERMISSIONS = 0o7777;
/** Access control lists are refused: they would be stored but not enforced, which libfuse 2 cannot ask the kernel for. */
const ACL_PREFIX = 'system.posix_acl_';
/** What `chown` has for an owner or group that stays. */
const SAME_ID = 0xffff_ffff;

/** How one operation is answered: `A` and `D` are its arguments and what an answer carries, see {@link Operations}. */
export interface Operation<A extends unknown[], D extends unknown[]> {
  /**
   * Does it. Returns its result, a count or a negative errno, and what goes with it.
   *
   * @param locals the memory of the request
   * @throws FsError
   */
  readonly run: (locals: Buffer, ...args: A) => [result: number, ...data: D];
  /** What goes with the errno when it fails. */
  readonly refusal: (...args: A) => D;
}
export type OperationTable = { readonly [N in OperationName]: Operation<Operations[N][0], Operations[N][1]> };

/** The operations of a mount, each path or handle mapped onto a node of the file system. */
export function makeOperations(fs: FileSystem): OperationTable {
  const nodes = new Nodes(fs);
  const stat = new Stat();
  // fuse-native does not tell who asks.
  const caller: Caller = { uid: process.getuid!(), gid: process.getgid!(), umask: 0 };

  function attributes(node: Node): StatArray {
    fs.getattr(node, stat);
    return statArray(stat);
  }

  function inodeNumber(node: Node): number {
    fs.getattr(node, stat);
    return stat.ino;
  }

  function list(dir: Node): [result: number, names: string[], stats: StatArray[]] {
    const names = ['.', '..'];
    const stats = [entryArray(inodeNumber(dir), S_IFDIR), entryArray(inodeNumber(fs.parentOf(dir)), S_IFDIR)];
    fs.list(dir, 0, false, (name, _node, ino, type) => {
      names.push(toText(name));
      stats.push(entryArray(ino, type));
      return true;
    });
    return [0, names, stats];
  }

  function rename(path: string, newPath: string): void {
    const from = nodes.place(path);
    const to = nodes.place(newPath);
    if (nodes.isHiding(to)) {
      nodes.hide(from, to);
      return;
    }
    nodes.letGo(to);
    fs.rename(from.parent, from.name, to.parent, to.name, 0);
  }

  function unlink(path: string): void {
    const place = nodes.place(path);
    if (nodes.dropHidden(place)) return;
    nodes.letGo(place);
    fs.unlink(place.parent, place.name);
  }

  return {
    init: plain(() => undefined),

    getattr: withStat((path) => attributes(nodes.at(path))),
    fgetattr: withStat((_path, handle) => attributes(nodes.opened(handle))),
    statfs: {
      run: () => {
        const space: StatFs = {
          blockSize: 0,
          blocks: 0,
          free: 0,
          available: 0,
          files: 0,
          freeFiles: 0,
          nameLength: 0,
        };
        fs.statfs(space);
        return [0, statfsArray(space)];
      },
      refusal: () => [emptyStatfs()],
    },
    chmod: plain((_, path, mode) => {
      fs.setattr(nodes.at(path), { mode: mode & PERMISSIONS });
    }),
    chown: plain((_, path, uid, gid) => {
      fs.setattr(nodes.at(path), { ...(uid !== SAME_ID && { uid }), ...(gid !== SAME_ID && { gid }) });
    }),
    utimens: plain((locals, path, low, high) => {
      fs.setattr(nodes.at(path), requestedTimes(locals, low, high));
    }),
    truncate: plain((_, path, low, high) => {
      fs.setattr(nodes.at(path), { size: joined(low, high) });
    }),
    ftruncate: plain((_, _path, handle, low, high) => {
      fs.setattr(nodes.opened(handle), { size: joined(low, high) });
    }),

    readdir: { run: (_, path) => list(nodes.at(path)), refusal: () => [[], []] },
    fsyncdir: plain((_, path) => {
      fs.fsyncdir(nodes.at(path));
    }),
    readlink: { run: (_, path) => [0, toLibrary(fs.readlink(nodes.at(path)))], refusal: () => [''] },
    mknod: plain((_, path, mode, rdev) => {
      const { parent, name } = nodes.place(path);
      fs.mknod(parent, name, mode, rdev, caller);
    }),
    mkdir: plain((_, path, mode) => {
      const { parent, name } = nodes.place(path);
      fs.mkdir(parent, name, mode, caller);
    }),
    symlink: plain((_, target, path) => {
      const { parent, name } = nodes.place(path);
      fs.symlink(parent, name, fromLibrary(target), caller);
    }),
    link: plain((_, path, newPath) => {
      const { parent, name } = nodes.place(newPath);
      fs.link(nodes.at(path), parent, name);
    }),
    rename: plain((_, path, newPath) => {
      rename(path, newPath);
    }),
    unlink: plain((_, path) => {
      unlink(path);
    }),
    rmdir: plain((_, path) => {
      const place = nodes.place(path);
      nodes.letGo(place);
      fs.rmdir(place.parent, place.name);
    }),

    create: withHandle((path, mode) => {
      const { parent, name } = nodes.place(path);
      return nodes.open(fs.mknod(parent, name, mode, 0, caller));
    }),
    open: withHandle((path) => nodes.open(nodes.at(path))),
    release: plain((_, _path, handle) => {
      nodes.release(handle);
    }),
    read: {
      run: (_, _path, handle, buffer, length, low, high) => [
        fs.read(nodes.opened(handle), buffer, length, joined(low, high)),
        0,
        buffer.buffer,
      ],
      refusal: (_path, _handle, buffer) => [0, buffer.buffer],
    },
    write: {
      run: (_, _path, handle, buffer, length, low, high) => [
        fs.write(nodes.opened(handle), buffer, length, joined(low, high)),
        0,
        buffer.buffer,
      ],
      refusal: (_path, _handle, buffer) => [0, buffer.buffer],
    },
    fsync: plain((_, _path, dataOnly, handle) => {
      fs.fsync(nodes.opened(handle), dataOnly !== 0);
    }),

    setxattr: {
      run: (_, path, name, value, _position, flags) => {
        if (name.startsWith(ACL_PREFIX)) throw new FsError(E.EOPNOTSUPP, name);
        fs.setxattr(nodes.at(path), fromLibrary(name), value, flags);
        return [0, value.buffer];
      },
      refusal: (_path, _name, value) => [value.buffer],
    },
    getxattr: {
      run: (_, path, name, into) => [fs.getxattr(nodes.at(path), fromLibrary(name), into), into.buffer],
      refusal: (_path, _name, into) => [into.buffer],
    },
    listxattr: {
      run: (_, path, into) => [fs.listxattr(nodes.at(path), into), into.buffer],
      refusal: (_path, into) => [into.buffer],
    },
    removexattr: plain((_, path, name) => {
      fs.removexattr(nodes.at(path), fromLibrary(name));
    }),
  };
}

function plain<A extends unknown[]>(run: (locals: Buffer, ...args: A) => void): Operation<A, []> {
  return {
    run: (locals, ...args) => {
      run(locals, ...args);
      return [0];
    },
    refusal: () => [],
  };
}

function withStat<A extends unknown[]>(run: (...args: A) => StatArray): Operation<A, [StatArray]> {
  return { run: (_, ...args) => [0, run(...args)], refusal: () => [emptyStat()] };
}

function withHandle<A extends unknown[]>(run: (...args: A) => number): Operation<A, [handle: number]> {
  return { run: (_, ...args) => [0, run(...args)], refusal: () => [0] };
}
