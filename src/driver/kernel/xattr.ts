import { E } from '../../sys/errno';
import { ACL_PREFIX } from '../acl';
import type { Exchange, Handler } from './exchange';
import { GetxattrIn, GetxattrOut, Opcode, SetxattrIn } from './protocol';

function setxattr(x: Exchange): number {
  const { request } = x;
  const name = request.name(SetxattrIn.SIZE);
  if (name.startsWith(ACL_PREFIX)) return -E.EOPNOTSUPP;
  const value = request.bytes(SetxattrIn.SIZE + name.length + 1, request.u32(SetxattrIn.size));
  x.fs.setxattr(x.node, name, value, request.u32(SetxattrIn.flags));
  return 0;
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
