import type { Change, ChangeList } from '../../../../src/protocol/messages';
import { fileType } from '../../../../src/core/changes';
import { toBytes } from '../../../../src/sys/bytes';
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../../../src/sys/stat';
import { describeEntry, type Entry, type Image } from './image';
import { childPath, splitPath } from './tree';

/**
 * Checks a list of changes against the trees it is between: doing what it says to the base must give the view, and
 * each change must be one. @throws Error that names what is wrong, for people
 */
export function assertExplains(list: ChangeList, base: Image, view: Image): void {
  const changes = new Map(list.changes.map((change) => [toBytes(change.path), change]));
  const wrong: string[] = [];
  if (changes.size < list.changes.length) wrong.push('a path is listed twice');
  const tree = afterRenames(changes, base, wrong);
  for (const [path, change] of changes) {
    const problem = problemOf(change, tree.get(path), view.get(path));
    if (problem !== null) wrong.push(`${JSON.stringify(path)} is listed as ${change.kind}, but ${problem}`);
  }
  for (const [path, change] of changes) apply(path, change, tree, view);
  // Of several names of one inode the list may have but one.
  const linked = new Set([...changes.keys()].flatMap((path) => view.get(path)?.identity ?? []));
  for (const path of new Set([...tree.keys(), ...view.keys()])) {
    if (linked.has(view.get(path)?.identity ?? '')) continue;
    const told = describe(tree.get(path));
    const shown = describe(view.get(path));
    if (told !== shown) wrong.push(`${JSON.stringify(path)} should be ${told} by the list, but is ${shown}`);
  }
  for (const kind of ['changed', 'created', 'whiteout', 'renamed', 'metadata'] as const) {
    const count = list.changes.filter((change) => change.kind === kind).length;
    if (list.totals[kind] !== count)
      wrong.push(`${list.totals[kind]} instead of ${count} are ${kind} in total`);
  }
  if (wrong.length === 0) return;
  const lines = list.changes.map(
    ({ kind, path, from }) => `${kind} ${path}${from === undefined ? '' : ` from ${from}`}`,
  );
  throw new Error(['wrong list of changes:', ...wrong, 'the list:', ...lines].join('\n  '));
}

/** Where the base's entries are in the mount; whatever lay where a renamed one went is hidden. */
function afterRenames(changes: ReadonlyMap<string, Change>, base: Image, wrong: string[]): Image {
  const renamed = new Map<string, string>();
  const taken = new Set<string>();
  for (const [path, { from }] of changes) {
    if (from === undefined) continue;
    const source = toBytes(from);
    if (!base.has(source))
      wrong.push(`${path} is listed as renamed from ${source}, which the base does not have`);
    renamed.set(source, path);
    taken.add(path);
  }
  const places = new Map<string, string>([['', '']]);
  const tree: Image = new Map();
  for (const [path, entry] of base) {
    const { parent, name } = splitPath(path);
    const above = places.get(parent);
    const place = renamed.get(path) ?? (above === undefined ? undefined : childPath(above, name));
    if (place === undefined || (taken.has(place) && !renamed.has(path))) continue;
    places.set(path, place);
    tree.set(place, entry);
  }
  return tree;
}

/** Why a change should not be in the list as it is; null when it should. */
function problemOf(change: Change, old: Entry | undefined, now: Entry | undefined): string | null {
  if (change.kind === 'whiteout') {
    if (old === undefined) return 'the base does not have it';
    return now === undefined ? describesFile(change, old) : 'it is there';
  }
  if (now === undefined) return 'it is not there';
  switch (change.kind) {
    case 'created':
      if (old !== undefined) return 'the base has it';
      break;
    case 'changed':
      if (old === undefined) return 'the base does not have it';
      if (sameContents(old, now)) return 'its contents are the same';
      break;
    case 'metadata':
      if (old === undefined) return 'the base does not have it';
      if (!sameContents(old, now)) return 'its contents differ';
      if (describe(old) === describe(now) && sameTime(old, now)) return 'it is the same';
      break;
    case 'renamed':
      break;
  }
  return describesFile(change, now);
}

function describesFile(change: Change, entry: Entry): string | null {
  if (change.type !== fileType(entry.type)) return `as a ${change.type}`;
  const size = entry.type === S_IFREG || entry.type === S_IFLNK ? entry.content.length : 0;
  return change.size === size ? null : `with ${change.size} bytes instead of ${size}`;
}

function sameContents(a: Entry, b: Entry): boolean {
  return a.type === b.type && a.rdev === b.rdev && a.content.equals(b.content);
}

function sameTime(a: Entry, b: Entry): boolean {
  return a.mtime === b.mtime && a.mtimeNsec === b.mtimeNsec;
}

function apply(path: string, { kind }: Change, tree: Image, view: Image): void {
  const entry = kind === 'whiteout' ? undefined : view.get(path);
  if (entry?.type !== S_IFDIR) {
    for (const each of [...tree.keys()]) if (each.startsWith(`${path}/`)) tree.delete(each);
  }
  if (entry === undefined) tree.delete(path);
  else tree.set(path, entry);
}

function describe(entry: Entry | undefined): string {
  return entry === undefined ? 'absent' : describeEntry(entry);
}
