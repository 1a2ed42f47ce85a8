import * as fc from 'fast-check';
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../../../src/sys/stat';
import type { Entry, Image } from './image';
import {
  anyPath,
  directoryMode,
  fileMode,
  fill,
  nanosecond,
  owner,
  pastSecond,
  size,
  special,
  xattrName,
} from './operations';
import { splitPath } from './tree';

/** One entry of a generated base. Directories above it are made as needed; a path that is taken is skipped. */
export interface Planned {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'special' | 'link';
  readonly mode: number;
  /** What a file's bytes are, after a hole. */
  readonly fill: string;
  readonly size: number;
  readonly hole: number;
  readonly uid: number;
  readonly special: { readonly type: number; readonly rdev: number };
  /** Of a symbolic link, or the path of the file that a link is to. */
  readonly target: string;
  readonly xattrs: Readonly<Record<string, string>>;
  readonly mtime: number;
  readonly mtimeNsec: number;
}

const planned: fc.Arbitrary<Planned> = fc
  .record({
    path: fc.oneof(
      { weight: 8, arbitrary: anyPath },
      { weight: 1, arbitrary: anyPath.map((path) => `${path}/deep/er/${path}`) },
    ),
    kind: fc.constantFrom('file', 'file', 'file', 'directory', 'link', 'symlink', 'special'),
    fileMode,
    directoryMode,
    fill,
    size,
    hole: fc.constantFrom(0, 0, 0, 4096, 9000),
    uid: owner,
    special,
    target: anyPath,
    xattrs: fc.dictionary(xattrName, fc.constantFrom('', 'v'), { maxKeys: 1 }),
    mtime: pastSecond,
    mtimeNsec: nanosecond,
  })
  .map(({ fileMode: file, directoryMode: directory, ...rest }) => ({
    ...rest,
    mode: rest.kind === 'directory' ? directory : file,
    xattrs: rest.kind === 'file' || rest.kind === 'directory' ? rest.xattrs : {},
  }));

export const plannedBase = fc.array(planned, { maxLength: 12 });

/** The tree that a plan makes. */
export function imageOfPlan(plan: readonly Planned[]): Image {
  const image: Image = new Map();
  for (const each of plan) {
    if (image.has(each.path) || !makeParents(image, each.path)) continue;
    const linked = each.kind === 'link' ? image.get(each.target) : undefined;
    if (linked !== undefined && linked.type !== S_IFDIR) image.set(each.path, linked);
    else image.set(each.path, planEntry(each));
  }
  return new Map([...image].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function makeParents(image: Image, path: string): boolean {
  const { parent } = splitPath(path);
  if (parent === '') return true;
  const there = image.get(parent);
  if (there !== undefined) return there.type === S_IFDIR;
  if (!makeParents(image, parent)) return false;
  image.set(parent, { ...plain, type: S_IFDIR, mode: 0o755, identity: parent });
  return true;
}

const plain: Omit<Entry, 'type' | 'mode' | 'identity'> = {
  uid: 0,
  gid: 0,
  rdev: 0,
  content: Buffer.alloc(0),
  mtime: 1_000_000_000,
  mtimeNsec: 123_456_789,
  xattrs: new Map(),
  nlink: 1,
};

function planEntry(plan: Planned): Entry {
  const {
    path,
    kind,
    mode,
    uid,
    special: { type, rdev },
    mtime,
    mtimeNsec,
  } = plan;
  const common = {
    ...plain,
    mode,
    uid,
    mtime,
    mtimeNsec,
    identity: path,
    xattrs: new Map(Object.entries(plan.xattrs)),
  };
  switch (kind) {
    case 'file':
    case 'link':
      return {
        ...common,
        type: S_IFREG,
        content: Buffer.concat([Buffer.alloc(plan.hole), Buffer.alloc(plan.size, plan.fill)]),
      };
    case 'directory':
      return { ...common, type: S_IFDIR };
    case 'symlink':
      return { ...common, type: S_IFLNK, content: Buffer.from(plan.target, 'latin1') };
    case 'special':
      return { ...common, type, rdev };
  }
}
