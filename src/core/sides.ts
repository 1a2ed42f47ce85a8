import { CowspaceError } from '../protocol/errors';
import type { Side, StatResult } from '../protocol/messages';
import { toBytes, toText } from '../sys/bytes';
import { check, E, FsError } from '../sys/errno';
import { close, pread } from '../sys/file';
import { S_IFDIR, S_IFLNK, S_IFREG, Stat } from '../sys/stat';
import { getattr, readlink } from './attributes';
import type { BasePlace } from './baseView';
import { type Changes, fileType } from './changes';
import { peek } from './data';
import { joinPath, type Node } from './node';
import { normalize } from './plan';
import type { Union } from './union';

/** Both sides of a change, for whoever shows them: the base as it is, and the file as the mount has it. */

/** Metadata of one side of a path; null when that side has nothing there. */
export function statSide(u: Union, changes: Changes, text: string, side: Side): StatResult | null {
  const path = normalize(text);
  const stat = new Stat();
  if (side === 'scratch') return atNode(u, changes, path, (node) => describe(u, node, stat));
  if (path === '') return { type: 'directory', size: 0, mtime: 0, mode: S_IFDIR | 0o755 };
  const place = basePlace(changes, path, stat);
  if (place === null) return null;
  const root = u.layers[place.dir.layer]!.path;
  return { ...result(stat), diskPath: toText(joinPath(root, joinPath(place.dir.path, place.name))) };
}

/** Reads bytes of one side; of a symbolic link its target. @throws CowspaceError `not-found` FsError */
export function readSide(
  u: Union,
  changes: Changes,
  text: string,
  side: Side,
  offset: number,
  length: number,
): Buffer {
  const path = normalize(text);
  const bytes =
    side === 'scratch'
      ? atNode(u, changes, path, (node) => readNode(u, node, offset, length))
      : readBase(changes, path, offset, length);
  if (bytes === null) {
    throw new CowspaceError('not-found', `${text}: there is no such file in the ${side}.`, { path: text });
  }
  return bytes;
}

function describe(u: Union, node: Node, stat: Stat): StatResult {
  getattr(u, node, stat);
  return result(stat);
}

function result(stat: Stat): StatResult {
  return {
    type: fileType(stat.type),
    size: stat.type === S_IFDIR ? 0 : stat.size,
    mtime: stat.mtime * 1000 + Math.floor(stat.mtimeNsec / 1e6),
    mode: stat.mode,
  };
}

function atNode<T>(u: Union, changes: Changes, path: string, use: (node: Node) => T): T | null {
  if (path === '') return use(u.root);
  try {
    return changes.at(path, (parent, name) => {
      const node = u.lookup(parent, name);
      if (node === null) return null;
      try {
        return use(node);
      } finally {
        u.release(node);
      }
    });
  } catch (error) {
    if (error instanceof FsError && error.errno === E.ENOENT) return null;
    throw error;
  }
}

function readNode(u: Union, node: Node, offset: number, length: number): Buffer {
  if (node.type === S_IFLNK) return slice(readlink(u, node), offset, length);
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, peek(u, node, buffer, length, offset));
}

function readBase(changes: Changes, path: string, offset: number, length: number): Buffer | null {
  const stat = new Stat();
  const place = basePlace(changes, path, stat);
  if (place === null) return null;
  if (stat.type === S_IFLNK) return slice(changes.bases.readlink(place), offset, length);
  if (stat.type !== S_IFREG) throw new FsError(stat.type === S_IFDIR ? E.EISDIR : E.EINVAL, toText(path));
  const fd = changes.bases.open(place);
  try {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, check(pread(fd, buffer, length, offset), toText(path)));
  } finally {
    close(fd);
  }
}

function slice(target: string, offset: number, length: number): Buffer {
  return Buffer.from(target, 'latin1').subarray(offset, offset + length);
}

/** The base entry behind a path: where a renamed one was, else what lies in its place. */
function basePlace(changes: Changes, path: string, stat: Stat): BasePlace | null {
  changes.bases.clear();
  const from = changes.get(path)?.from;
  return changes.bases.stat(from === undefined ? behind(changes, path) : toBytes(from), stat);
}

function behind(changes: Changes, path: string): string {
  try {
    return changes.basePath(path) ?? path;
  } catch (error) {
    // Below something that the mount does not have any more, such as a deleted directory.
    if (error instanceof FsError) return path;
    throw error;
  }
}
