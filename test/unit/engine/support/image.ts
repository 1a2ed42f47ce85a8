import { S_IFDIR, S_IFLNK, S_IFREG, type Stat } from '../../../../src/sys/stat';
import { childPath, type Tree } from './tree';

/** All that a person can tell of a file. */
export interface Entry {
  /** File type bits (`S_IFMT`). */
  readonly type: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  /** Bytes of a file, target of a symbolic link. */
  readonly content: Buffer;
  readonly mtime: number;
  readonly mtimeNsec: number;
  readonly xattrs: ReadonlyMap<string, string>;
  /** Links to one inode have the same. */
  readonly identity: string;
  readonly nlink: number;
}

/** A whole tree by byte path, without its root, parents before children. */
export type Image = Map<string, Entry>;

/** Reads a whole tree. @throws Error when a directory lists other inode numbers than its entries have */
export function readImage(tree: Tree): Image {
  const image: Image = new Map();
  const visit = (directory: string): void => {
    const listed = tree.list(directory);
    const names = new Set(listed.map(({ name }) => name));
    if (names.size < listed.length) throw new Error(`/${directory} lists a name twice`);
    for (const { name, ino } of [...listed].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = childPath(directory, name);
      const stat = tree.stat(path);
      if (stat.ino !== ino) throw new Error(`${path}: listed as inode ${ino}, but is inode ${stat.ino}`);
      image.set(path, readEntry(tree, path, stat));
      if (stat.type === S_IFDIR) visit(path);
    }
  };
  visit('');
  return image;
}

/** What is at one path. */
export function readEntry(tree: Tree, path: string, stat: Stat): Entry {
  const { type, uid, gid, rdev, mtime, mtimeNsec, nlink } = stat;
  const content =
    type === S_IFREG ? tree.read(path) : Buffer.from(type === S_IFLNK ? tree.readlink(path) : '', 'latin1');
  const identity = tree.identity(path);
  const mode = stat.mode & 0o7777;
  return {
    type,
    mode,
    uid,
    gid,
    rdev,
    content,
    mtime,
    mtimeNsec,
    xattrs: tree.xattrs(path),
    identity,
    nlink,
  };
}

/** What shows when directories lie over each other: the first that has a name wins, directories merge. */
export function mergeImages(images: readonly Image[]): Image {
  const merged: Image = new Map();
  const visit = (directory: string, sources: readonly number[]): void => {
    const names = new Set(sources.flatMap((source) => childNames(images[source]!, directory)));
    for (const name of [...names].sort()) {
      const path = childPath(directory, name);
      const holders = sources.filter((source) => images[source]!.has(path));
      const first = images[holders[0]!]!.get(path)!;
      merged.set(path, { ...first, identity: `${holders[0]!}: ${first.identity}` });
      if (first.type !== S_IFDIR) continue;
      const end = holders.findIndex((source) => images[source]!.get(path)!.type !== S_IFDIR);
      visit(path, end < 0 ? holders : holders.slice(0, end));
    }
  };
  visit('', [...images.keys()]);
  return merged;
}

/** Names of a directory's entries. */
export function childNames(image: Image, directory: string): string[] {
  const prefix = childPath(directory, '');
  return [...image.keys()]
    .filter((path) => path.startsWith(prefix) && !path.includes('/', prefix.length))
    .map((path) => path.slice(prefix.length));
}

/** Makes an image's entries in an empty tree. Names of one inode become links. */
export function plant(image: Image, tree: Tree): void {
  const made = new Map<string, string>();
  for (const [path, entry] of image) {
    const first = made.get(entry.identity);
    if (first === undefined) plantEntry(path, entry, tree);
    else tree.link(first, path);
    made.set(entry.identity, path);
  }
  // Times last, as each new entry touches its directory.
  for (const [path, { mtime, mtimeNsec }] of image) tree.utimes(path, mtime, mtimeNsec);
}

const HOLE_UNIT = 4096;

function plantEntry(path: string, entry: Entry, tree: Tree): void {
  const { type, mode, uid, gid, rdev, content, xattrs } = entry;
  if (type === S_IFDIR) tree.mkdir(path, 0o700);
  else if (type === S_IFLNK) tree.symlink(path, content.toString('latin1'));
  else tree.mknod(path, type | 0o600, rdev);
  if (type === S_IFREG) {
    tree.truncate(path, content.length);
    for (let at = 0; at < content.length; at += HOLE_UNIT) {
      const part = content.subarray(at, at + HOLE_UNIT);
      if (part.some((byte) => byte !== 0)) tree.write(path, at, part);
    }
  }
  tree.chown(path, uid, gid);
  for (const [name, value] of xattrs) tree.setXattr(path, name, Buffer.from(value, 'latin1'), 0);
  if (type !== S_IFLNK) tree.chmod(path, mode);
}

/** What a comparison leaves out. */
export interface Leniency {
  readonly directoryTimes?: boolean;
  readonly times?: boolean;
  readonly links?: boolean;
}

/** Times from here on were given by the clock; tests set earlier ones. */
const CLOCK_STARTS = Date.UTC(2020, 0) / 1000;

/** An image as lines that two trees of the same contents share. */
export function describeImage(image: Image, leniency: Leniency = {}): string[] {
  const names = new Map<string, string[]>();
  for (const [path, { identity }] of image) names.set(identity, [...(names.get(identity) ?? []), path]);
  return [...image].map(([path, entry]) => {
    const links = names.get(entry.identity)!;
    const parts = [describePath(path), describeEntry(entry)];
    const withTime = !leniency.times && !(leniency.directoryTimes && entry.type === S_IFDIR);
    if (withTime) parts.push(`mtime ${describeTime(entry)}`);
    if (links.length > 1)
      parts.push(
        `same as ${links
          .filter((each) => each !== path)
          .map(describePath)
          .join(', ')}`,
      );
    if (!leniency.links && entry.type !== S_IFDIR) parts.push(`${entry.nlink} links`);
    return parts.join(' ');
  });
}

function describePath(path: string): string {
  return JSON.stringify(path);
}

const typeNames = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
]);

/** Everything but its name, times and links. */
export function describeEntry({ type, mode, uid, gid, rdev, content, xattrs }: Entry): string {
  const parts = [typeNames.get(type) ?? `special ${type.toString(8)} device ${rdev}`];
  // Linux has no mode of a symbolic link.
  if (type !== S_IFLNK) parts.push(mode.toString(8).padStart(4, '0'));
  parts.push(`${uid}:${gid}`);
  if (type === S_IFREG || type === S_IFLNK) parts.push(`${content.length} bytes`, describeContent(content));
  for (const [name, value] of [...xattrs].sort()) parts.push(`${name}=${JSON.stringify(value)}`);
  return parts.join(' ');
}

/** Runs of equal bytes, which is what these tests write. */
function describeContent(content: Buffer): string {
  const runs: string[] = [];
  for (let at = 0; at < content.length;) {
    let end = at;
    while (end < content.length && content[end] === content[at]) end++;
    runs.push(`${content.toString('latin1', at, at + 1)}*${end - at}`);
    at = end;
  }
  return JSON.stringify(runs.join(' '));
}

function describeTime({ mtime, mtimeNsec }: Entry): string {
  return mtime < CLOCK_STARTS ? `${mtime}.${String(mtimeNsec).padStart(9, '0')}` : 'now';
}

/** @throws Error that names each difference, for people */
export function assertSame(what: string, actual: Image, expected: Image, leniency: Leniency = {}): void {
  const is = new Set(describeImage(actual, leniency));
  const shouldBe = new Set(describeImage(expected, leniency));
  const lines = [
    ...[...is].filter((line) => !shouldBe.has(line)).map((line) => `  is        ${line}`),
    ...[...shouldBe].filter((line) => !is.has(line)).map((line) => `  should be ${line}`),
  ];
  if (lines.length > 0) throw new Error(`${what}:\n${lines.join('\n')}`);
}
