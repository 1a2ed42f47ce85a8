import { E } from '../../sys/errno';
import {
  CreateIn,
  FOPEN_KEEP_CACHE,
  LinkIn,
  MkdirIn,
  MknodIn,
  Opcode,
  OpenOut,
  Rename2In,
  RenameIn,
} from './protocol';
import type { Exchange, Handler } from './exchange';

/** Longest name that a Linux file system stores (`NAME_MAX`). FUSE passes on longer ones; each is looked up first. */
const NAME_MAX = 255;

function lookup(x: Exchange): number {
  const name = x.request.name(0);
  if (name.length > NAME_MAX) return -E.ENAMETOOLONG;
  const node = x.fs.lookup(x.node, name);
  return node === null ? x.noEntry() : x.entry(node);
}

function mknod(x: Exchange): number {
  const { request } = x;
  const name = request.name(MknodIn.SIZE);
  const caller = x.caller(request.u32(MknodIn.umask));
  return x.entry(x.fs.mknod(x.node, name, request.u32(MknodIn.mode), request.u32(MknodIn.rdev), caller));
}

function mkdir(x: Exchange): number {
  const { request } = x;
  const caller = x.caller(request.u32(MkdirIn.umask));
  return x.entry(x.fs.mkdir(x.node, request.name(MkdirIn.SIZE), request.u32(MkdirIn.mode), caller));
}

function symlink(x: Exchange): number {
  const name = x.request.name(0);
  const target = x.request.name(name.length + 1);
  return x.entry(x.fs.symlink(x.node, name, target, x.caller()));
}

/** Answers with an entry without a name, and as if the file had been opened. */
function tmpfile(x: Exchange): number {
  const { request, reply } = x;
  const caller = x.caller(request.u32(CreateIn.umask));
  const length = x.entry(x.fs.tmpfile(x.node, request.u32(CreateIn.mode), caller));
  reply.fill(length, OpenOut.SIZE);
  reply.u32(length + OpenOut.open_flags, FOPEN_KEEP_CACHE);
  return length + OpenOut.SIZE;
}

/** The request's own node is the directory that gets the new name. */
function link(x: Exchange): number {
  const node = x.fs.node(x.request.u64(LinkIn.oldnodeid));
  x.fs.link(node, x.node, x.request.name(LinkIn.SIZE));
  return x.entry(node);
}

function unlink(x: Exchange): number {
  x.fs.unlink(x.node, x.request.name(0));
  return 0;
}

function rmdir(x: Exchange): number {
  x.fs.rmdir(x.node, x.request.name(0));
  return 0;
}

function readlink(x: Exchange): number {
  return x.reply.payload.write(x.fs.readlink(x.node), 'latin1');
}

function rename(x: Exchange): number {
  return move(x, x.request.u64(RenameIn.newdir), 0, RenameIn.SIZE);
}

function rename2(x: Exchange): number {
  return move(x, x.request.u64(Rename2In.newdir), x.request.u32(Rename2In.flags), Rename2In.SIZE);
}

function move(x: Exchange, newDir: number, flags: number, namesAt: number): number {
  const name = x.request.name(namesAt);
  const newName = x.request.name(namesAt + name.length + 1);
  x.fs.rename(x.node, name, x.fs.node(newDir), newName, flags);
  return 0;
}

/** Names and what they stand for. */
export const namespaceHandlers: readonly (readonly [number, Handler])[] = [
  [Opcode.LOOKUP, lookup],
  [Opcode.MKNOD, mknod],
  [Opcode.MKDIR, mkdir],
  [Opcode.SYMLINK, symlink],
  [Opcode.TMPFILE, tmpfile],
  [Opcode.LINK, link],
  [Opcode.UNLINK, unlink],
  [Opcode.RMDIR, rmdir],
  [Opcode.READLINK, readlink],
  [Opcode.RENAME, rename],
  [Opcode.RENAME2, rename2],
];
