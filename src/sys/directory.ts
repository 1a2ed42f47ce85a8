import { bind } from './libc';
import { close, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt, openQuietly } from './file';
import { E } from './errno';

const getdents = bind('getdents64', 'long', ['int', 'void *', 'unsigned long']);
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** What a directory says of an entry's type (`d_type`), shifted to the type bits of a mode; 0 when it says nothing. */
export type EntryVisitor = (name: string, ino: number, type: number) => void;

/**
 * Calls `visit` for each entry of the directory `path` below `dirFd`, without `.` and `..`, and leaves no access time.
 * Returns 0 or a negative error number.
 */
export function readDirectory(dirFd: number, path: string, visit: EntryVisitor): number {
  return toEnd(readInSteps(dirFd, path, visit));
}

/** As {@link readDirectory}, but changes the access time: for programs. */
export function listDirectory(dirFd: number, path: string, visit: EntryVisitor): number {
  return toEnd(entries(openAt(dirFd, path === '' ? '.' : path, FLAGS), visit));
}

/** As {@link readDirectory}, with a pause after each 64 KiB of entries. */
export function readInSteps(dirFd: number, path: string, visit: EntryVisitor): Steps {
  return entries(openQuietly(dirFd, path === '' ? '.' : path, FLAGS), visit);
}

type Steps = Generator<undefined, number, void>;
const FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

function* entries(fd: number, visit: EntryVisitor): Steps {
  if (fd < 0) return fd;
  try {
    for (;;) {
      const length = getdents(fd, buffer, buffer.length);
      if (length === -E.EINTR) continue;
      if (length <= 0) return length;
      decode(length, visit);
      yield undefined;
    }
  } finally {
    close(fd);
  }
}

function toEnd(steps: Steps): number {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Walks `struct linux_dirent64` records. */
function decode(length: number, visit: EntryVisitor): void {
  for (let at = 0; at < length;) {
    const end = buffer.indexOf(0, at + 19);
    const name = buffer.toString('latin1', at + 19, end);
    if (name !== '.' && name !== '..') {
      const ino = buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 0x1_0000_0000;
      visit(name, ino, buffer.readUInt8(at + 18) << 12);
    }
    at += buffer.readUInt16LE(at + 16);
  }
}
