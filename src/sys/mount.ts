import { E } from './errno';
import { addressOf, bind, bindAsync, cString, cString2 } from './libc';

const calls = {
  mount: bind('mount', 'int', ['void *', 'void *', 'const char *', 'unsigned long', 'const char *']),
  umount2: bindAsync('umount2', 'int', ['void *', 'int']),
  statfs: bind('statfs64', 'int', ['void *', 'void *']),
  socketpair: bind('socketpair', 'int', ['int', 'int', 'int', 'void *']),
  recvmsg: bind('recvmsg', 'long', ['int', 'void *', 'int']),
};

/** What a mount forbids; `statfs` reports these bits by the same numbers as `mount` takes them. */
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/** `mount(2)`; paths are byte strings, `data` the file system's own options. Needs root. */
export function mount(source: string, target: string, type: string, flags: number, data: string): number {
  return calls.mount(cString(source), cString2(target), type, flags, data);
}

/** `umount2(2)`; `flags` is 0 or MNT_DETACH. Waits until all that is dirty is written, hence not on this thread. */
export function unmount(target: string, flags: number): Promise<number> {
  return calls.umount2(Buffer.from(`${target}\0`, 'latin1'), flags | UMOUNT_NOFOLLOW);
}

const statfsBuffer = Buffer.alloc(120);

/** What the mount that holds `path` forbids, as `flags` of {@link mount}, or a negative error number. */
export function mountRestrictions(path: string): number {
  const result = calls.statfs(cString(path), statfsBuffer);
  return result < 0 ? result : statfsBuffer.readUInt32LE(80) & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

/** A connected pair of unix sockets, or a negative error number. */
export function socketPair(): [number, number] | number {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const SOCK_CLOEXEC = 0o2000000;
  const pair = Buffer.alloc(8);
  const result = calls.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
  return result < 0 ? result : [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/**
 * Takes one descriptor that the peer has sent over a unix socket (`SCM_RIGHTS`); never waits for it.
 * Returns the descriptor or a negative error number: -EAGAIN when nothing is there, -EPROTO when the message
 * carried none.
 */
export function receiveDescriptor(socket: number): number {
  const MSG_DONTWAIT = 0x40;
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
  const result = calls.recvmsg(socket, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (result < 0) return result;
  const received = header.readBigUInt64LE(40);
  return received >= 20n ? control.readInt32LE(16) : -E.EPROTO;
}
