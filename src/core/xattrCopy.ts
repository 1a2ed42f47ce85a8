import { check, E } from '../sys/errno';
import { getXattrAt, listXattrAt, removeXattrAt, setXattrAt, XATTR_SIZE_MAX } from '../sys/xattr';

/** Users' extended attributes of files in any layer, by directory descriptor and name. */

/** Attributes by which the scratch keeps its own books; users neither see nor set them. */
export const PRIVATE_XATTR = /^(user\.cowspace\.|user\.overlay\.|trusted\.overlay\.)/;

const names = Buffer.allocUnsafeSlow(XATTR_SIZE_MAX);
const value = Buffer.allocUnsafeSlow(XATTR_SIZE_MAX);

/** Names of the attributes at a place that belong to users; none where the file system has no attributes. */
export function userXattrs(fd: number, name: string): string[] {
  const length = listXattrAt(fd, name, names);
  if (length === -E.ENOTSUP) return [];
  check(length, name);
  return names
    .toString('latin1', 0, length)
    .split('\0')
    .filter((attribute) => attribute !== '' && !PRIVATE_XATTR.test(attribute));
}

/** Reads one attribute whole; undefined when it is not there (any more). */
export function readXattr(fd: number, name: string, attribute: string): Buffer | undefined {
  const length = getXattrAt(fd, name, attribute, value);
  return length < 0 ? undefined : Buffer.from(value.subarray(0, length));
}

/** Copies the users' attributes; those that this user or file system may not set are left out. */
export function copyXattrs(fromFd: number, fromName: string, toFd: number, toName: string): void {
  for (const attribute of userXattrs(fromFd, fromName)) {
    const bytes = readXattr(fromFd, fromName, attribute);
    if (bytes === undefined) continue;
    const result = setXattrAt(toFd, toName, attribute, bytes);
    if (result < 0 && result !== -E.EPERM && result !== -E.ENOTSUP) check(result, attribute);
  }
}

/** As {@link copyXattrs}, and removes those that the source does not have. */
export function replaceXattrs(fromFd: number, fromName: string, toFd: number, toName: string): void {
  const wanted = new Set(userXattrs(fromFd, fromName));
  for (const attribute of userXattrs(toFd, toName)) {
    if (!wanted.has(attribute)) removeXattrAt(toFd, toName, attribute);
  }
  copyXattrs(fromFd, fromName, toFd, toName);
}

/** Whether two places have the same users' attributes. */
export function sameXattrs(aFd: number, aName: string, bFd: number, bName: string): boolean {
  const a = userXattrs(aFd, aName);
  const b = userXattrs(bFd, bName);
  if (a.length !== b.length) return false;
  return a.every((attribute) => {
    const left = readXattr(aFd, aName, attribute);
    const right = readXattr(bFd, bName, attribute);
    return left !== undefined && right !== undefined && left.equals(right);
  });
}

/** Sets one of the scratch's own attributes without a value. */
export function markXattr(fd: number, name: string, attribute: string): void {
  check(setXattrAt(fd, name, attribute, Buffer.alloc(0)), attribute);
}
