import { bind, cString, cString2 } from './libc';

const args = {
  get: ['void *', 'void *', 'void *', 'unsigned long'],
  set: ['void *', 'void *', 'void *', 'unsigned long', 'int'],
  list: ['void *', 'void *', 'unsigned long'],
  remove: ['void *', 'void *'],
};
const followed = {
  get: bind('getxattr', 'long', args.get),
  set: bind('setxattr', 'int', args.set),
  list: bind('listxattr', 'long', args.list),
  remove: bind('removexattr', 'int', args.remove),
};
const direct = {
  get: bind('lgetxattr', 'long', args.get),
  set: bind('lsetxattr', 'int', args.set),
  list: bind('llistxattr', 'long', args.list),
  remove: bind('lremovexattr', 'int', args.remove),
};

export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
/** The access control list that a directory gives what is made in it. */
export const DEFAULT_ACL = 'system.posix_acl_default';
/** Largest value that Linux stores (`XATTR_SIZE_MAX`). */
export const XATTR_SIZE_MAX = 65536;

/**
 * Linux has no extended-attribute call that takes a directory descriptor and a name before 6.13; the kernel's own
 * path of the descriptor does the same without walking any name that others could swap. All functions below take an
 * empty name for the descriptor itself, and do not follow a symbolic link otherwise.
 */
function at(fd: number, name: string): Buffer {
  return cString(name === '' ? `/proc/self/fd/${fd}` : `/proc/self/fd/${fd}/${name}`);
}

function calls(name: string): typeof direct {
  return name === '' ? followed : direct;
}

/** Reads an attribute into `into` (its size when `into` is empty). Returns bytes or a negative errno. */
export function getXattrAt(fd: number, name: string, attribute: string, into: Buffer): number {
  return calls(name).get(at(fd, name), cString2(attribute), into.length > 0 ? into : null, into.length);
}

/** Sets an attribute; `flags` is 0, XATTR_CREATE or XATTR_REPLACE. */
export function setXattrAt(fd: number, name: string, attribute: string, value: Buffer, flags = 0): number {
  return calls(name).set(at(fd, name), cString2(attribute), value, value.length, flags);
}

/** Lists attribute names, each closed by NUL, into `into` (their size when `into` is empty). */
export function listXattrAt(fd: number, name: string, into: Buffer): number {
  return calls(name).list(at(fd, name), into.length > 0 ? into : null, into.length);
}

export function removeXattrAt(fd: number, name: string, attribute: string): number {
  return calls(name).remove(at(fd, name), cString2(attribute));
}
