import { check, E, FsError } from '../sys/errno';
import { getXattrAt, removeXattrAt, setXattrAt } from '../sys/xattr';
import { copyUp } from './copyup';
import type { Node } from './node';
import type { Union } from './union';
import { PRIVATE_XATTR, userXattrs } from './xattrCopy';

/** A place by directory descriptor and name. */
interface Place {
  fd: number;
  name: string;
}

function placeOf(u: Union, node: Node): Place {
  if (node.orphanFd >= 0) return { fd: node.orphanFd, name: '' };
  if (node.upper) return u.upperPlace(node);
  if (node.dir !== null) return { fd: u.dirFds.get(node.dir.lowers[0]!), name: '.' };
  if (node.lowerDir === null) throw new FsError(E.ESTALE, node.path);
  return { fd: u.dirFds.get(node.lowerDir), name: node.lowerName };
}

/** Reads an attribute; see `FileSystem.getxattr`. */
export function getXattr(u: Union, node: Node, attribute: string, into: Buffer): number {
  if (PRIVATE_XATTR.test(attribute)) return -E.ENODATA;
  const { fd, name } = placeOf(u, node);
  return getXattrAt(fd, name, attribute, into);
}

export function setXattr(u: Union, node: Node, attribute: string, bytes: Buffer, flags: number): void {
  if (PRIVATE_XATTR.test(attribute)) throw new FsError(E.EPERM, attribute);
  copyUp(u, node, 'none');
  const { fd, name } = placeOf(u, node);
  check(setXattrAt(fd, name, attribute, bytes, flags), attribute);
  u.observer.touchNode(node);
}

export function removeXattr(u: Union, node: Node, attribute: string): void {
  if (PRIVATE_XATTR.test(attribute)) throw new FsError(E.ENODATA, attribute);
  const before = placeOf(u, node);
  check(getXattrAt(before.fd, before.name, attribute, Buffer.alloc(0)), attribute);
  copyUp(u, node, 'none');
  const { fd, name } = placeOf(u, node);
  check(removeXattrAt(fd, name, attribute), attribute);
  u.observer.touchNode(node);
}

export function listXattr(u: Union, node: Node, into: Buffer): number {
  const { fd, name } = placeOf(u, node);
  const visible = Buffer.from(
    userXattrs(fd, name)
      .map((attribute) => `${attribute}\0`)
      .join(''),
    'latin1',
  );
  if (into.length === 0) return visible.length;
  if (visible.length > into.length) throw new FsError(E.ERANGE, node.path);
  return visible.copy(into);
}
