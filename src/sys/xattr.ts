import { bind, cString, cString2 } from './libc';

const calls = {
  get: bind('getxattr', 'long', ['void *', 'void *', 'void *', 'unsigned long']),
  lget: bind('lgetxattr', 'long', ['void *', 'void *', 'void *', 'unsigned long']),
  lset: bind('lsetxattr', 'int', ['void *', 'void *', 'void *', 'unsigned long', 'int']),
  llist: bind('llistxattr', 'long', ['void *', 'void *', 'unsigned long']),
  lremove: bind('lremovexattr', 'int', ['void *', 'void *']),
};

export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
/** Largest value that Linux stores (`XATTR_SIZE_MAX`). */
export const XATTR_SIZE_MAX = 65536;

/**
 * Linux has no extended-attribute call that takes a directory descriptor and a name before 6.13; the kernel's own
 * path of the descriptor does the same without walking any name that others could swap.
 */
function at(dirFd: number, name: string): string {
  return name === '' ? `/proc/self/fd/${dirFd}/.` : `/proc/self/fd/${dirFd}/${name}`;
}

/** Reads an attribute into `into` (its size when `into` is empty). Returns bytes or a negative errno. */
export function getXattrAt(dirFd: number, name: string, attribute: string, into: Buffer): number {
  return calls.lget(cString(at(dirFd, name)), cString2(attribute), into.length ? into : null, into.length);
}

/** Sets an attribute; `flags` is 0, XATTR_CREATE or XATTR_REPLACE. */
export function setXattrAt(
  dirFd: number,
  name: string,
  attribute: string,
  value: Buffer,
  flags = 0,
): number {
  return calls.lset(cString(at(dirFd, name)), cString2(attribute), value, value.length, flags);
}

/** Lists attribute names, each closed by NUL, into `into` (their size when `into` is empty). */
export function listXattrAt(dirFd: number, name: string, into: Buffer): number {
  return calls.llist(cString(at(dirFd, name)), into.length ? into : null, into.length);
}

export function removeXattrAt(dirFd: number, name: string, attribute: string): number {
  return calls.lremove(cString(at(dirFd, name)), cString2(attribute));
}
