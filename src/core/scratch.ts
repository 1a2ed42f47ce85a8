import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { CowspaceError } from '../protocol/errors';
import { toBytes } from '../sys/bytes';
import { check, E, FsError } from '../sys/errno';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  chmodFd,
  close,
  fchmod,
  ficlone,
  fsync,
  mkdirAt,
  mknodAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  openAt,
  RENAME_NOREPLACE,
  renameAt,
  unlinkAt,
} from '../sys/file';
import { readDirectory } from '../sys/directory';
import { readRegular, replaceRegular } from '../sys/regular';
import { S_IFCHR, S_IFDIR, S_IFREG, Stat, statAt, statFd } from '../sys/stat';
import { DEFAULT_ACL, getXattrAt, removeXattrAt, setXattrAt } from '../sys/xattr';
import { parseJson } from './json';
import { RecordStore } from './record';

/** The scratch's own description. */
const META = 'cowspace.json';
const FORMAT = 1;
const FOLDERS = ['upper', 'work', 'index', 'trash', 'delta', 'undo', 'records'] as const;
const metaSchema = z.object({
  format: z.number(),
  bases: z.array(z.string()).min(1),
  /** Inode numbers of the bases' roots when the scratch was made. */
  roots: z.array(z.number()).optional(),
  /** How a whiteout looks: a character device 0/0, or an empty file with an attribute where devices are refused. */
  whiteouts: z.enum(['device', 'xattr']),
});
type Meta = z.infer<typeof metaSchema>;

/** Where a commit writes down which directories of the bases it builds entries in. */
export const TEMPORARIES_JOURNAL = 'temporaries.jsonl';

const OPAQUE = 'overlay.opaque';
const WHITEOUT_XATTR = 'user.overlay.whiteout';
/** The values of the opaque attribute: hides the bases; or merely may contain whiteouts of the attribute form. */
const HIDES = Buffer.from('y');
const MAY_HAVE_XATTR_WHITEOUTS = Buffer.from('x');

/**
 * The writable branch on disk: `upper/` in the format of kernel overlayfs, and beside it what that format lacks.
 * docs/SCRATCH-FORMAT.md describes each part.
 */
export class Scratch {
  readonly path: string;
  readonly rootFd: number;
  readonly upperFd: number;
  /** Things under construction or on their way out; emptied at the start. */
  readonly workFd: number;
  readonly indexFd: number;
  readonly trashFd: number;
  /** Block maps, by the ids in their files' records. */
  readonly deltaFd: number;
  /** What commits are about to overwrite in place. */
  readonly undoFd: number;
  readonly records: RecordStore;
  readonly #meta: Meta;
  readonly #recordsFd: number;
  #next = 0;

  /**
   * Opens the scratch at `path`, made first when it is absent or empty.
   *
   * @param path absolute
   * @param bases the bases' real paths, in order
   * @throws CowspaceError `wrong-scratch` when it was made for other bases or by a newer version, `not-empty` when the
   *   folder holds something else, `denied` when the folder is another user's, `not-found` when a base seems not to be there
   */
  static open(path: string, bases: readonly string[]): Scratch {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const real = realpathSync(path);
    const root = check(openAt(AT_FDCWD, toBytes(real), O_RDONLY | O_DIRECTORY), real);
    try {
      if (readMeta(root, real) === null) refuseContents(root, real);
      makePrivate(root, real);
      return new Scratch(real, root, Scratch.#describe(real, root, bases));
    } catch (error) {
      close(root);
      throw error;
    }
  }

  static #describe(real: string, root: number, bases: readonly string[]): Meta {
    const roots = bases.map(inodeOf);
    const meta = readMeta(root, real) ?? createScratch(root, real, bases, roots);
    if (meta.format > FORMAT) {
      throw new CowspaceError(
        'wrong-scratch',
        `The scratch ${real} was made by a newer version (format ${meta.format}); update cowspace to use it.`,
        { path: real },
      );
    }
    if (meta.bases.length !== bases.length || meta.bases.some((base, i) => base !== bases[i])) {
      throw new CowspaceError(
        'wrong-scratch',
        `The scratch ${real} was made for ${meta.bases.join(', ')}, not for ${bases.join(', ')}. ` +
          'Choose another scratch folder with --scratch, or mount it over the bases it was made for.',
        { path: real },
      );
    }
    bases.forEach((base, i) => {
      const known = meta.roots?.[i] ?? roots[i];
      if (known !== roots[i] && isEmptyDirectory(base)) throw missingBase(base);
    });
    return meta;
  }

  private constructor(path: string, root: number, meta: Meta) {
    this.path = path;
    this.#meta = meta;
    this.rootFd = root;
    const open = (name: (typeof FOLDERS)[number]): number => {
      const made = mkdirAt(root, name, 0o700);
      if (made < 0 && made !== -E.EEXIST) check(made, name);
      return check(openAt(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name);
    };
    this.upperFd = open('upper');
    this.workFd = open('work');
    this.indexFd = open('index');
    this.trashFd = open('trash');
    this.deltaFd = open('delta');
    this.undoFd = open('undo');
    this.#recordsFd = open('records');
    this.records = new RecordStore(this.#recordsFd);
    emptyDirectory(this.workFd);
    // What is built there takes its group and its access control list from elsewhere.
    check(fchmod(this.workFd, 0o700), 'work');
    removeXattrAt(this.workFd, '', DEFAULT_ACL);
    this.markMerged(this.upperFd, '.');
  }

  close(): void {
    const fds = [
      this.rootFd,
      this.upperFd,
      this.workFd,
      this.indexFd,
      this.trashFd,
      this.deltaFd,
      this.undoFd,
      this.#recordsFd,
    ];
    for (const fd of fds) close(fd);
  }

  /** Whether files here can share blocks: where these cannot, none can with a base's file. */
  canClone(): boolean {
    const from = openAt(this.workFd, '.', O_TMPFILE | O_RDWR, 0o600);
    const to = openAt(this.workFd, '.', O_TMPFILE | O_RDWR, 0o600);
    const result = from < 0 || to < 0 ? -E.EOPNOTSUPP : ficlone(from, to);
    for (const fd of [from, to]) if (fd >= 0) close(fd);
    return result === 0;
  }

  /** A name in `work/` that nothing has. */
  temporaryName(): string {
    return String(this.#next++);
  }

  /** Whether whiteouts are attributes of empty files, which then must be looked for on each empty file. */
  get xattrWhiteouts(): boolean {
    return this.#meta.whiteouts === 'xattr';
  }

  /** Puts a whiteout at a name that does not exist, in one step. Returns 0 or a negative errno. */
  createWhiteout(dirFd: number, name: string): number {
    if (this.#meta.whiteouts === 'device') return mknodAt(dirFd, name, S_IFCHR, 0);
    // Without its attribute it would be an empty file.
    const temporary = this.temporaryName();
    const fd = openAt(this.workFd, temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    if (fd < 0) return fd;
    close(fd);
    let result = setXattrAt(this.workFd, temporary, WHITEOUT_XATTR, HIDES);
    if (result === 0) result = renameAt(this.workFd, temporary, dirFd, name, RENAME_NOREPLACE);
    if (result < 0) unlinkAt(this.workFd, temporary);
    return result;
  }

  /** Replaces what is at a name by a whiteout, in one step. */
  replaceByWhiteout(dirFd: number, name: string): void {
    const temporary = this.temporaryName();
    check(this.createWhiteout(this.workFd, temporary), `whiteout of ${name}`);
    const result = renameAt(this.workFd, temporary, dirFd, name);
    if (result < 0) {
      unlinkAt(this.workFd, temporary);
      throw new FsError(-result, `whiteout of ${name}`);
    }
  }

  isWhiteout(dirFd: number, name: string, stat: Stat): boolean {
    if (stat.type === S_IFCHR) return stat.rdev === 0;
    return (
      this.xattrWhiteouts &&
      stat.type === S_IFREG &&
      stat.size === 0 &&
      getXattrAt(dirFd, name, WHITEOUT_XATTR, none) >= 0
    );
  }

  isOpaque(dirFd: number, name: string): boolean {
    return opaqueValue(dirFd, name) === 'y';
  }

  /** Makes a directory hide whatever the bases have at its place. */
  setOpaque(dirFd: number, name: string): void {
    check(setXattrAt(dirFd, name, `user.${OPAQUE}`, HIDES), `${name}: marking it opaque`);
    // Kernel overlayfs as root reads this one; an ordinary user may not write it.
    setXattrAt(dirFd, name, `trusted.${OPAQUE}`, HIDES);
  }

  clearOpaque(dirFd: number, name: string): void {
    removeXattrAt(dirFd, name, `user.${OPAQUE}`);
    removeXattrAt(dirFd, name, `trusted.${OPAQUE}`);
    this.markMerged(dirFd, name);
  }

  /** Tells kernel overlayfs that a directory may hold whiteouts of the attribute form: only then its listings omit them. */
  markMerged(dirFd: number, name: string): void {
    if (!this.xattrWhiteouts) return;
    check(setXattrAt(dirFd, name, `user.${OPAQUE}`, MAY_HAVE_XATTR_WHITEOUTS), name);
  }
}

const none = Buffer.alloc(0);
const small = Buffer.alloc(8);

function opaqueValue(dirFd: number, name: string): string {
  for (const space of ['user', 'trusted']) {
    const length = getXattrAt(dirFd, name, `${space}.${OPAQUE}`, small);
    if (length > 0) return small.toString('latin1', 0, length);
  }
  return '';
}

function inodeOf(path: string): number {
  check(statAt(AT_FDCWD, toBytes(path), stat), path);
  return stat.ino;
}

function isEmptyDirectory(path: string): boolean {
  let empty = true;
  check(
    readDirectory(AT_FDCWD, toBytes(path), () => (empty = false)),
    path,
  );
  return empty;
}

/** A commit would put the changes where the disk is to be mounted, and all that was not changed seems deleted. */
function missingBase(base: string): CowspaceError {
  return new CowspaceError(
    'not-found',
    `The base ${base} is empty, and another folder than the one that the scratch was made for. ` +
      'Put that back first: mount the disk that it lies on.',
    { path: base },
  );
}

/** Whoever else could write to it could lead the daemon's commits and reads astray, or read what the mount hides. */
function makePrivate(root: number, path: string): void {
  check(statFd(root, stat), path);
  if (stat.uid !== process.geteuid!()) {
    throw new CowspaceError(
      'denied',
      `The scratch ${path} belongs to another user (${stat.uid}). Choose a folder of your own with --scratch.`,
      { path },
    );
  }
  if ((stat.mode & 0o7777) !== 0o700) check(chmodFd(root, 0o700), path);
}

/** More than any description has, bytes. */
const MAX_META = 1 << 20;

function readMeta(root: number, path: string): Meta | null {
  const bytes = readRegular(root, META, MAX_META);
  if (bytes === -E.ENOENT) return null;
  const damaged = (reason: string): CowspaceError =>
    new CowspaceError('wrong-scratch', `${join(path, META)} is damaged: ${reason}`, { path });
  if (typeof bytes === 'number') throw damaged(new FsError(-bytes, 'it cannot be read').message);
  const parsed = metaSchema.safeParse(parseJson(bytes.toString()));
  if (parsed.success) return parsed.data;
  throw damaged(z.prettifyError(parsed.error));
}

/** What a crash can leave of a scratch that was being made. */
const UNFINISHED = `${META}.new`;
const PROBE = 'probe';

/** A folder that serves something else stays as it is. */
function refuseContents(root: number, path: string): void {
  let others = 0;
  readDirectory(root, '', (name) => (others += name === UNFINISHED || name === PROBE ? 0 : 1));
  if (others === 0) return;
  throw new CowspaceError(
    'not-empty',
    `The folder ${path} is not empty and is no scratch. Choose an empty or new folder with --scratch.`,
    { path },
  );
}

function createScratch(root: number, path: string, bases: readonly string[], roots: readonly number[]): Meta {
  refuseContents(root, path);
  const meta: Meta = {
    format: FORMAT,
    bases: [...bases],
    roots: [...roots],
    ...probe(root),
  };
  const bytes = Buffer.from(`${JSON.stringify(meta, null, 2)}\n`);
  check(replaceRegular(root, META, bytes, true), path);
  check(fsync(root), path);
  return meta;
}

/** Finds out what the scratch's file system can do. */
function probe(dirFd: number): Pick<Meta, 'whiteouts'> {
  unlinkAt(dirFd, PROBE);
  const device = mknodAt(dirFd, PROBE, S_IFCHR, 0) === 0;
  if (device) unlinkAt(dirFd, PROBE);
  const fd = check(openAt(dirFd, PROBE, O_WRONLY | O_CREAT | O_EXCL, 0o600), PROBE);
  close(fd);
  const xattrs = setXattrAt(dirFd, PROBE, 'user.cowspace.probe', HIDES) === 0;
  unlinkAt(dirFd, PROBE);
  if (!xattrs) {
    throw new CowspaceError(
      'unsupported',
      'The file system of the scratch takes no extended attributes of users. ' +
        'Choose a scratch on another file system with --scratch.',
    );
  }
  return { whiteouts: device ? 'device' : 'xattr' };
}

/** Deletes what makes a folder a scratch. The folder stays, with what others put into it; what is no scratch is left alone. */
export function deleteScratch(path: string): void {
  const fd = check(openAt(AT_FDCWD, toBytes(path), O_RDONLY | O_DIRECTORY), path);
  try {
    if (readMeta(fd, path) === null) return;
    // The description last: a scratch that is half deleted can be deleted again.
    for (const name of [...FOLDERS, 'links', 'commits', 'commit.json', TEMPORARIES_JOURNAL, META])
      removeTree(fd, name);
  } finally {
    close(fd);
  }
}

/** Deletes all that is below a directory, which stays. */
export function emptyDirectory(
  dirFd: number,
  unlink: (dirFd: number, name: string) => number = unlinkAt,
): void {
  const entries: { name: string; type: number }[] = [];
  readDirectory(dirFd, '', (name, _ino, type) => entries.push({ name, type }));
  for (const { name, type } of entries) removeTree(dirFd, name, type, unlink);
}

const stat = new Stat();

/**
 * Deletes a file or a whole directory; what is gone already is no error.
 *
 * @param type as in a mode, 0 for unknown
 * @param unlink deletes what is no directory
 */
export function removeTree(
  dirFd: number,
  name: string,
  type = 0,
  unlink: (dirFd: number, name: string) => number = unlinkAt,
): void {
  let kind = type;
  if (kind === 0) {
    const result = statAt(dirFd, name, stat);
    if (result === -E.ENOENT) return;
    check(result, name);
    kind = stat.type;
  }
  if (kind !== S_IFDIR) {
    const result = unlink(dirFd, name);
    if (result !== -E.ENOENT) check(result, name);
    return;
  }
  const fd = check(openToEmpty(dirFd, name), name);
  try {
    emptyDirectory(fd, unlink);
  } finally {
    close(fd);
  }
  check(unlinkAt(dirFd, name, AT_REMOVEDIR), name);
}

/** Its mode says what users of the mount may do; whoever owns a directory may delete it all the same. */
function openToEmpty(dirFd: number, name: string): number {
  const place = openAt(dirFd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (place < 0) return place;
  chmodFd(place, 0o700);
  const fd = openAt(place, '.', O_RDONLY | O_DIRECTORY);
  close(place);
  return fd;
}
