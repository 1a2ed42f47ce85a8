import { check, E } from '../sys/errno';
import { chmodAt, chownAt, close, fchmod, mkdirAt, O_DIRECTORY, O_RDONLY, openAt } from '../sys/file';
import { S_IFDIR, S_IFLNK, Stat, statAt, statFd } from '../sys/stat';
import { DEFAULT_ACL, setXattrAt } from '../sys/xattr';
import type { Caller } from './filesystem';
import { removeTree } from './scratch';
import type { Union } from './union';
import { readXattr } from './xattrCopy';

const S_ISGID = 0o2000;

/** What a new inode gets from its directory and from who makes it. */
export interface Heritage {
  readonly uid: number;
  readonly gid: number;
  /** Whether the directory hands on its group, and to directories that they do too. */
  readonly inheritsGroup: boolean;
  /** The directory's default access control list, which the scratch's file system applies. */
  readonly acl: Buffer | undefined;
  /** What to make it with; as in a mode. */
  readonly permissions: number;
}

const directory = new Stat();

/** A new inode belongs to its maker; in a setgid directory to the directory's group. */
export function heritageOf(dirFd: number, mode: number, { uid, gid, umask }: Caller): Heritage {
  check(statFd(dirFd, directory), 'the directory of a new entry');
  const inheritsGroup = (directory.mode & S_ISGID) !== 0;
  const acl = readXattr(dirFd, '', DEFAULT_ACL);
  return {
    uid,
    gid: inheritsGroup ? directory.gid : gid,
    inheritsGroup,
    acl,
    // A default access control list takes the place of the umask.
    permissions: mode & 0o7777 & (acl === undefined ? ~umask : ~0),
  };
}

const made = new Stat();
const processUid = process.getuid?.() ?? 0;
const processGid = process.getgid?.() ?? 0;

/**
 * Gives a new inode its owner and the special bits of its mode. Returns 0 or a negative errno.
 *
 * @param name in the directory `fd`; empty for what `fd` has open
 */
export function own(fd: number, name: string, type: number, heritage: Heritage): number {
  const { uid, gid, permissions } = heritage;
  const inherited = type === S_IFDIR && heritage.inheritsGroup ? S_ISGID : 0;
  const special = (permissions & 0o7000) | inherited;
  if (uid !== processUid || gid !== processGid) {
    const result = chownAt(fd, name, uid, gid);
    if (result < 0 && result !== -E.EPERM) return result;
  }
  // Special bits fall to chown and to mkdir; the rest was given at creation.
  if (special === 0 || type === S_IFLNK) return 0;
  const result = statAt(fd, name, made);
  if (result < 0) return result;
  const mode = (made.mode & 0o777) | special;
  return name === '' ? fchmod(fd, mode) : chmodAt(fd, name, mode);
}

/** Makes something in a directory of its own in `work/`, from which it inherits what `acl` gives new entries. */
export function makeUnderAcl<T>(u: Union, acl: Buffer, make: (dirFd: number) => T): T {
  const { workFd } = u.scratch;
  const name = u.scratch.temporaryName();
  check(mkdirAt(workFd, name, 0o700), name);
  const fd = check(openAt(workFd, name, O_RDONLY | O_DIRECTORY), name);
  try {
    check(setXattrAt(fd, '', DEFAULT_ACL, acl), name);
    return make(fd);
  } finally {
    close(fd);
    removeTree(workFd, name);
  }
}
