import { check, E, FsError } from '../sys/errno';
import { close, O_RDWR, O_TMPFILE, openAt } from '../sys/file';
import { S_IFREG } from '../sys/stat';
import type { Caller } from './filesystem';
import { heritageOf, makeUnderAcl, own } from './newInode';
import type { Node } from './node';
import { dirOf, type Union } from './union';

/**
 * Creates a file without a name; see `FileSystem.tmpfile`. It is one in the scratch's file system too, so that the
 * kernel deletes it however the daemon ends.
 */
export function tmpfile(u: Union, parent: Node, mode: number, caller: Caller): Node {
  const { upper, lowers } = dirOf(parent);
  // As ext4 says it.
  if (parent.orphan) throw new FsError(E.EPERM, parent.name);
  const heritage = heritageOf(u.dirFds.get(upper ?? lowers[0]!), mode, caller);
  const open = (dirFd: number): number =>
    check(openAt(dirFd, '.', O_TMPFILE | O_RDWR, heritage.permissions), parent.path);
  const { acl } = heritage;
  const fd = acl === undefined ? open(u.scratch.workFd) : makeUnderAcl(u, acl, open);
  const owned = own(fd, '', S_IFREG, heritage);
  if (owned < 0) close(fd);
  check(owned, parent.path);
  return u.addTmpfile(parent, fd);
}
