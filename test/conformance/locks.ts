import { bind } from '../../src/sys/libc';

const libc = {
  fcntl: bind('fcntl', 'int', ['int', 'int', 'void *']),
  flock: bind('flock', 'int', ['int', 'int']),
};

/** `F_SETLK` and its form for locks of open file descriptions. */
const commands = { posix: 6, ofd: 37 };
const types = { read: 0, write: 1, unlock: 2 };
const flockOperations = { read: 1, write: 2, unlock: 8 };
const LOCK_NB = 4;

export type LockType = keyof typeof types;

/** Locks bytes of a file, never waiting; a negative error number on failure. @param length 0: to the end */
export function lock(kind: keyof typeof commands, fd: number, type: LockType, start = 0, length = 0): number {
  const SEEK_SET = 0;
  const flock = Buffer.alloc(32);
  flock.writeInt16LE(types[type], 0);
  flock.writeInt16LE(SEEK_SET, 2);
  flock.writeBigInt64LE(BigInt(start), 8);
  flock.writeBigInt64LE(BigInt(length), 16);
  return libc.fcntl(fd, commands[kind], flock);
}

/** `flock(2)`, never waiting. */
export function flock(fd: number, type: LockType): number {
  return libc.flock(fd, flockOperations[type] | LOCK_NB);
}
