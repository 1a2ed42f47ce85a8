import type { Node } from '../../core/node';
import { FsError } from '../../sys/errno';
import { S_IFDIR } from '../../sys/stat';
import type { Exchange, Handler } from './exchange';
import { Dirent, EntryOut, Opcode, ReadIn } from './protocol';

/** Offsets of the entries that every directory has; the engine's own cookies follow. */
const SELF = 1;
const PARENT = 2;

/** Fills the reply of READDIR or, entry by entry with attributes, of READDIRPLUS. */
function list(x: Exchange, plus: boolean): number {
  const { fs, reply } = x;
  const dir = x.node;
  const offset = x.request.u64(ReadIn.offset);
  const room = x.request.u32(ReadIn.size);
  let used = 0;

  const add = (name: string, node: Node | null, ino: number, type: number, next: number): boolean => {
    const padded = (Dirent.SIZE + name.length + 7) & ~7;
    if (used + (plus ? EntryOut.SIZE : 0) + padded > room) return false;
    if (plus) {
      putEntry(x, used, node);
      used += EntryOut.SIZE;
    }
    reply.fill(used + padded - 8, 8);
    reply.u64(used + Dirent.ino, ino);
    reply.u64(used + Dirent.off, next);
    reply.u32(used + Dirent.namelen, name.length);
    reply.u32(used + Dirent.type, type >> 12);
    reply.payload.write(name, used + Dirent.SIZE, 'latin1');
    used += padded;
    return true;
  };

  if (offset < SELF && !add('.', null, inodeNumber(x, dir), S_IFDIR, SELF)) return used;
  if (offset < PARENT && !add('..', null, inodeNumber(x, fs.parentOf(dir)), S_IFDIR, PARENT)) return used;
  fs.list(dir, Math.max(offset - PARENT, 0), plus, (name, node, ino, type, cookie) =>
    add(name, node, ino, type, cookie + PARENT),
  );
  return used;
}

/** An entry of node 0 tells the kernel nothing but the name; it looks up when it wants to know more. */
function putEntry(x: Exchange, offset: number, node: Node | null): void {
  if (node !== null) {
    try {
      x.putEntry(offset, node);
      return;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
  }
  x.reply.fill(offset, EntryOut.SIZE);
}

function inodeNumber(x: Exchange, node: Node): number {
  x.fs.getattr(node, x.stat);
  return x.stat.ino;
}

function fsyncdir(x: Exchange): number {
  x.fs.fsyncdir(x.node);
  return 0;
}

/** What concerns a directory as a whole. */
export const directoryHandlers: readonly (readonly [number, Handler])[] = [
  [Opcode.READDIR, (x) => list(x, false)],
  [Opcode.READDIRPLUS, (x) => list(x, true)],
  [Opcode.FSYNCDIR, fsyncdir],
];
