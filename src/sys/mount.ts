import { addressOf, bind, cString, cString2 } from './libc';

const calls = {
  mount: bind('mount', 'int', ['void *', 'void *', 'const char *', 'unsigned long', 'const char *']),
  umount2: bind('umount2', 'int', ['void *', 'int']),
  socketpair: bind('socketpair', 'int', ['int', 'int', 'int', 'void *']),
  recvmsg: bind('recvmsg', 'long', ['int', 'void *', 'int']),
};

export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MNT_DETACH = 2;

/** `mount(2)`; paths are byte strings, `data` the file system's own options. Needs root. */
export function mount(source: string, target: string, type: string, flags: number, data: string): number {
  return calls.mount(cString(source), cString2(target), type, flags, data);
}

/** `umount2(2)`; `flags` is 0 or MNT_DETACH. */
export function unmount(target: string, flags: number): number {
  return calls.umount2(cString(target), flags);
}

/** A connected pair of unix sockets, or a negative error number. */
export function socketPair(): [number, number] | number {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const pair = Buffer.alloc(8);
  const result = calls.socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  return result < 0 ? result : [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/**
 * Receives one descriptor that the peer sent over a unix socket (`SCM_RIGHTS`); blocks until it does or hangs up.
 * Returns the descriptor, a negative error number, or -EPROTO's stand-in -71 when the message carried none.
 */
export function receiveDescriptor(socket: number): number {
  const EPROTO = 71;
  const MSG_CMSG_CLOEXEC = 0x40000000;
  const data = Buffer.alloc(8);
  const vector = Buffer.alloc(16);
  const control = Buffer.alloc(24);
  const header = Buffer.alloc(56);
  vector.writeBigUInt64LE(addressOf(data), 0);
  vector.writeBigUInt64LE(1n, 8);
  header.writeBigUInt64LE(addressOf(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  const result = calls.recvmsg(socket, header, MSG_CMSG_CLOEXEC);
  if (result < 0) return result;
  const received = header.readBigUInt64LE(40);
  return received >= 20n ? control.readInt32LE(16) : -EPROTO;
}
