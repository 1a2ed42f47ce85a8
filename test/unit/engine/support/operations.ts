import * as fc from 'fast-check';
import { toBytes } from '../../../../src/sys/bytes';
import { check } from '../../../../src/sys/errno';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_RDWR,
  O_TMPFILE,
  openAt,
  close,
  fallocate,
  AT_FDCWD,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
} from '../../../../src/sys/file';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG, S_IFSOCK } from '../../../../src/sys/stat';
import { XATTR_CREATE, XATTR_REPLACE } from '../../../../src/sys/xattr';
import { testDirectory } from './sandbox';
import { childPath, splitPath, type Tree } from './tree';

/** What a user does to a tree, as data that shrinks and prints. */
export type FileOperation =
  | { op: 'mknod'; path: string; mode: number; rdev: number }
  | { op: 'mkdir'; path: string; mode: number }
  | { op: 'symlink'; path: string; target: string }
  | { op: 'link'; from: string; to: string }
  | { op: 'unlink'; path: string }
  | { op: 'rmdir'; path: string }
  | { op: 'removeAll'; path: string }
  | { op: 'rename'; from: string; to: string; flags: number }
  | { op: 'write'; path: string; offset: number; fill: string; length: number }
  | { op: 'append'; path: string; fill: string; length: number }
  | { op: 'truncate'; path: string; size: number }
  | { op: 'fallocate'; path: string; mode: number; offset: number; length: number }
  | { op: 'copyRange'; from: string; fromOffset: number; to: string; toOffset: number; length: number }
  | { op: 'chmod'; path: string; mode: number }
  | { op: 'chown'; path: string; uid: number; gid: number }
  | { op: 'utimes'; path: string; sec: number; nsec: number }
  | { op: 'setXattr'; path: string; name: string; value: string; flags: number }
  | { op: 'removeXattr'; path: string; name: string }
  | { op: 'open'; handle: string; path: string }
  | { op: 'tmpfile'; handle: string; path: string; mode: number }
  | { op: 'publish'; path: string; mode: number; fill: string; length: number };

type Name = FileOperation['op'];
type Named<N extends Name> = Extract<FileOperation, { op: N }>;

const actions: { [N in Name]: (tree: Tree, operation: Named<N>) => unknown } = {
  mknod: (tree, { path, mode, rdev }) => tree.mknod(path, mode, rdev),
  mkdir: (tree, { path, mode }) => tree.mkdir(path, mode),
  symlink: (tree, { path, target }) => tree.symlink(path, target),
  link: (tree, { from, to }) => tree.link(from, to),
  unlink: (tree, { path }) => tree.unlink(path),
  rmdir: (tree, { path }) => tree.rmdir(path),
  removeAll: (tree, { path }) => removeAll(tree, path),
  rename: (tree, { from, to, flags }) => tree.rename(from, to, flags),
  write: (tree, { path, offset, fill, length }) => tree.write(path, offset, Buffer.alloc(length, fill)),
  append: (tree, { path, fill, length }) =>
    tree.write(path, tree.stat(path).size, Buffer.alloc(length, fill)),
  truncate: (tree, { path, size }) => tree.truncate(path, size),
  fallocate: (tree, { path, mode, offset, length }) => tree.fallocate(path, mode, offset, length),
  copyRange: (tree, o) => tree.copyRange(o.from, o.fromOffset, o.to, o.toOffset, o.length),
  chmod: (tree, { path, mode }) => tree.chmod(path, mode),
  chown: (tree, { path, uid, gid }) => tree.chown(path, uid, gid),
  utimes: (tree, { path, sec, nsec }) => tree.utimes(path, sec, nsec),
  setXattr: (tree, { path, name, value, flags }) => tree.setXattr(path, name, Buffer.from(value), flags),
  removeXattr: (tree, { path, name }) => tree.removeXattr(path, name),
  open: (tree, { handle, path }) => tree.open(handle, path),
  tmpfile: (tree, { handle, path, mode }) => tree.tmpfile(handle, path, mode),
  publish,
};

/** Does it. Returns what the system call returned, where that is of interest. @throws FsError */
export function perform(operation: FileOperation, tree: Tree): unknown {
  // The table's own type says that each action takes the operation of its name.
  return (actions[operation.op] as (tree: Tree, operation: FileOperation) => unknown)(tree, operation);
}

/** Makes a file that has all its bytes before it has its name. */
function publish(tree: Tree, { path, mode, fill, length }: Named<'publish'>): void {
  tree.tmpfile('@publish', splitPath(path).parent, mode);
  tree.write('@publish', 0, Buffer.alloc(length, fill));
  tree.link('@publish', path);
}

/** As `rm -r` does. */
function removeAll(tree: Tree, path: string): void {
  if (tree.stat(path).type !== S_IFDIR) {
    tree.unlink(path);
    return;
  }
  for (const { name } of tree.list(path)) removeAll(tree, childPath(path, name));
  tree.rmdir(path);
}

/** Few names, so that operations meet; one is no valid UTF-8, one looks like a whiteout of another union format. */
const name = fc.constantFrom('a', 'b', 'c', 'd', '\xff\xfe', '.wh.a');
export const anyPath = fc
  .array(name, { minLength: 1, maxLength: 3, size: 'max' })
  .map((names) => names.join('/'));

export const fileMode = fc.constantFrom(0o644, 0o600, 0o444, 0o755, 0o4755, 0o2755, 0);
export const directoryMode = fc.constantFrom(0o755, 0o700, 0o555, 0o1777, 0o2775);
export const owner = fc.constantFrom(0, 1000, 65534);
/** Seconds long past, which no clock gives. */
export const pastSecond = fc.integer({ min: 1_000_000_000, max: 1_000_000_999 });
export const nanosecond = fc.integer({ min: 0, max: 999_999_999 });
export const xattrName = fc.constantFrom('user.x', 'user.y', 'trusted.z');
/** Type bits with a device number that suits them. */
export const special = fc.constantFrom(
  { type: S_IFIFO, rdev: 0 },
  { type: S_IFSOCK, rdev: 0 },
  { type: S_IFCHR, rdev: 0x103 },
  { type: S_IFBLK, rdev: 0x763 },
);
export const fill = fc.constantFrom('x', 'y', 'z');
/** Bytes: around the size of pages, and anything. */
export const size = fc.oneof(fc.constantFrom(0, 4095, 4096, 8192), fc.nat({ max: 12_000 }));

const length = size.map((bytes) => bytes + 1);

const handle = fc.constantFrom('@0', '@1');
const anyDirectory = fc.oneof(anyPath, fc.constant(''));
/** A path, or something held open. */
const anyFile = fc.oneof({ weight: 5, arbitrary: anyPath }, { weight: 1, arbitrary: handle });

function operation<N extends Name>(
  op: N,
  fields: { [F in keyof Omit<Named<N>, 'op'>]: fc.Arbitrary<Named<N>[F]> },
): fc.Arbitrary<FileOperation> {
  return fc.record({ op: fc.constant(op), ...fields }) as unknown as fc.Arbitrary<FileOperation>;
}

/** tmpfs, for one, cannot. */
function supportsZeroRange(): boolean {
  const fd = check(openAt(AT_FDCWD, toBytes(testDirectory), O_TMPFILE | O_RDWR, 0o600), testDirectory);
  const result = fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 1);
  close(fd);
  return result === 0;
}

const weighted: [number, fc.Arbitrary<FileOperation>][] = [
  [
    5,
    operation('mknod', { path: anyPath, mode: fileMode.map((mode) => S_IFREG | mode), rdev: fc.constant(0) }),
  ],
  [
    1,
    special.chain(({ type, rdev }) =>
      operation('mknod', { path: anyPath, mode: fc.constant(type | 0o640), rdev: fc.constant(rdev) }),
    ),
  ],
  [4, operation('mkdir', { path: anyPath, mode: directoryMode })],
  [1, operation('symlink', { path: anyPath, target: fc.constantFrom('a', 'nowhere/\xff') })],
  [4, operation('link', { from: anyFile, to: anyPath })],
  [4, operation('unlink', { path: anyPath })],
  [3, operation('rmdir', { path: anyPath })],
  [3, operation('removeAll', { path: anyPath })],
  [
    10,
    operation('rename', {
      from: anyPath,
      to: anyPath,
      flags: fc.constantFrom(0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE),
    }),
  ],
  [4, operation('write', { path: anyFile, offset: size, fill, length })],
  [2, operation('append', { path: anyFile, fill, length })],
  [3, operation('truncate', { path: anyFile, size })],
  [
    2,
    operation('fallocate', {
      path: anyFile,
      mode: fc.constantFrom(
        0,
        FALLOC_FL_KEEP_SIZE,
        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        ...(supportsZeroRange() ? [FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE] : []),
      ),
      offset: size,
      length,
    }),
  ],
  [2, operation('copyRange', { from: anyFile, fromOffset: size, to: anyFile, toOffset: size, length })],
  [2, operation('chmod', { path: anyFile, mode: fc.oneof(fileMode, directoryMode) })],
  [1, operation('chown', { path: anyFile, uid: owner, gid: owner })],
  [2, operation('utimes', { path: anyFile, sec: pastSecond, nsec: nanosecond })],
  [
    2,
    operation('setXattr', {
      path: anyFile,
      name: xattrName,
      value: fc.constantFrom('', 'v', 'w'),
      flags: fc.constantFrom(0, XATTR_CREATE, XATTR_REPLACE),
    }),
  ],
  [1, operation('removeXattr', { path: anyFile, name: xattrName })],
  [2, operation('open', { handle, path: anyPath })],
  [2, operation('publish', { path: anyPath, mode: fileMode, fill, length })],
  [1, operation('tmpfile', { handle, path: anyDirectory, mode: fileMode })],
];

export const fileOperation = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));
