import type { Node } from '../../core/node';
import type { Exchange, Handler } from './exchange';
import { FUSE_SETXATTR_ACL_KILL_SGID, GetxattrIn, GetxattrOut, Opcode, SetxattrIn } from './protocol';

const S_ISGID = 0o2000;

function setxattr(x: Exchange): number {
  const { request } = x;
  const { node, setxattrSize } = x;
  const name = request.name(setxattrSize);
  const value = request.bytes(setxattrSize + name.length + 1, request.u32(SetxattrIn.size));
  x.fs.setxattr(node, name, value, request.u32(SetxattrIn.flags));
  const extended = setxattrSize === SetxattrIn.SIZE ? request.u32(SetxattrIn.setxattr_flags) : 0;
  if (extended & FUSE_SETXATTR_ACL_KILL_SGID) dropSetGid(x, node);
  return 0;
}

/** Who gives a file of a group that is not theirs an access control list, takes away its set-group-id bit. */
function dropSetGid(x: Exchange, node: Node): void {
  x.fs.getattr(node, x.stat);
  if (x.stat.mode & S_ISGID) x.fs.setattr(node, { mode: x.stat.mode & 0o7777 & ~S_ISGID });
}

function getxattr(x: Exchange): number {
  const name = x.request.name(GetxattrIn.SIZE);
  const room = x.request.u32(GetxattrIn.size);
  return answer(x, room, x.fs.getxattr(x.node, name, x.reply.payload.subarray(0, room)));
}

function listxattr(x: Exchange): number {
  const room = x.request.u32(GetxattrIn.size);
  return answer(x, room, x.fs.listxattr(x.node, x.reply.payload.subarray(0, room)));
}

/** A caller that gave no room wants to know the size, any other the bytes; a negative one is an errno. */
function answer(x: Exchange, room: number, size: number): number {
  if (room > 0 || size < 0) return size;
  x.reply.u32(GetxattrOut.size, size);
  x.reply.u32(GetxattrOut.padding, 0);
  return GetxattrOut.SIZE;
}

function removexattr(x: Exchange): number {
  x.fs.removexattr(x.node, x.request.name(0));
  return 0;
}

/** Extended attributes. */
export const xattrHandlers: readonly (readonly [number, Handler])[] = [
  [Opcode.SETXATTR, setxattr],
  [Opcode.GETXATTR, getxattr],
  [Opcode.LISTXATTR, listxattr],
  [Opcode.REMOVEXATTR, removexattr],
];
