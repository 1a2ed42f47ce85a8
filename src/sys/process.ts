import { constants } from 'node:fs';
import { bind } from './libc';

const calls = {
  poll: bind('poll', 'int', ['void *', 'unsigned long', 'int']),
  eventfd: bind('eventfd', 'int', ['unsigned int', 'int']),
  flock: bind('flock', 'int', ['int', 'int']),
  getrlimit: bind('getrlimit64', 'int', ['int', 'void *']),
  setrlimit: bind('setrlimit64', 'int', ['int', 'void *']),
  getpagesize: bind('getpagesize', 'int', []),
  fcntl: bind('fcntl', 'int', ['int', 'int', 'int']),
};

export const POLLIN = 0x001;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const F_GETFL = 3;
const F_SETFL = 4;
const LOCK_EX = 2;
const LOCK_NB = 4;
const RLIMIT_NOFILE = 7;

/** A set of descriptors to wait on for input (`struct pollfd[]`). */
export class PollSet {
  readonly #entries: Buffer;
  readonly #count: number;

  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#entries = Buffer.alloc(8 * fds.length);
    fds.forEach((fd, i) => {
      this.#entries.writeInt32LE(fd, i * 8);
      this.#entries.writeInt16LE(POLLIN, i * 8 + 4);
    });
  }

  /** Waits up to `timeout` milliseconds (-1: for ever). Returns how many are ready, or a negative errno. */
  wait(timeout: number): number {
    return calls.poll(this.#entries, this.#count, timeout);
  }

  /** Events of the i-th descriptor after {@link wait}, a union of POLLIN, POLLERR and POLLHUP. */
  events(i: number): number {
    return this.#entries.readInt16LE(i * 8 + 6);
  }
}

/** A counter that one thread raises by writing eight bytes and another polls (`eventfd`, non-blocking). */
export function eventFd(): number {
  return calls.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/** Makes reading from `fd` return -EAGAIN instead of waiting (`O_NONBLOCK`). Returns 0 or a negative errno. */
export function setNonBlocking(fd: number): number {
  const flags = calls.fcntl(fd, F_GETFL, 0);
  return flags < 0 ? flags : calls.fcntl(fd, F_SETFL, flags | constants.O_NONBLOCK);
}

/** Takes an exclusive lock that the kernel drops when the process dies; -EWOULDBLOCK when another holds it. */
export function tryLock(fd: number): number {
  return calls.flock(fd, LOCK_EX | LOCK_NB);
}

/** Raises the number of descriptors this process may open as far as it may, and returns that number. */
export function raiseDescriptorLimit(): number {
  const limit = Buffer.alloc(16);
  const result = calls.getrlimit(RLIMIT_NOFILE, limit);
  if (result < 0) return result;
  const hard = limit.readBigUInt64LE(8);
  limit.writeBigUInt64LE(hard, 0);
  calls.setrlimit(RLIMIT_NOFILE, limit);
  return Number(hard);
}

/** Size of a memory page in bytes, the unit in which the kernel counts buffers. */
export function pageSize(): number {
  return calls.getpagesize();
}
