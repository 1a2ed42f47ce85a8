import { basename, dirname } from 'node:path/posix';
import { changeKinds, type ChangeKind, type PlanItem } from '../../protocol/messages';

/** Up to this many names each gets a line of its own; more share a line with their directory. */
const MAX_LINES = 20;

/** How many items there are of each kind; kinds that do not occur are left out. */
export function countKinds(items: readonly PlanItem[]): { kind: ChangeKind; count: number }[] {
  return changeKinds
    .map((kind) => ({ kind, count: items.filter((item) => item.kind === kind).length }))
    .filter(({ count }) => count > 0);
}

/** What a commit deletes from the base. */
export function deletedByCommit(items: readonly PlanItem[]): PlanItem[] {
  return items.filter((item) => item.kind === 'whiteout');
}

/** What a discard deletes from the workspace, and nothing else has. */
export function deletedByDiscard(items: readonly PlanItem[]): PlanItem[] {
  return items.filter((item) => item.kind === 'created');
}

/**
 * Names all of `items`, however many, in as few lines as stay readable: a dialog that asks about deletions must not
 * hide any. A directory, which ends in a slash, speaks for what is named below it.
 *
 * @param holding says how many items a directory speaks for
 */
export function nameAll(
  items: readonly Pick<PlanItem, 'path' | 'type'>[],
  holding: (count: number) => string,
): string[] {
  const entries = outermost(items);
  const shown = ({ path, type, inside }: Entry) =>
    `${path}${type === 'directory' ? '/' : ''}${inside > 0 ? ` ${holding(inside)}` : ''}`;
  if (entries.length <= MAX_LINES) return entries.map(shown);
  const names = new Map<string, string[]>();
  for (const entry of entries) {
    const directory = dirname(entry.path);
    const name = shown({ ...entry, path: basename(entry.path) });
    const siblings = names.get(directory);
    if (siblings) siblings.push(name);
    else names.set(directory, [name]);
  }
  return [...names].map(([directory, siblings]) =>
    directory === '.' ? siblings.join(', ') : `${directory}/: ${siblings.join(', ')}`,
  );
}

interface Entry extends Pick<PlanItem, 'path' | 'type'> {
  /** How many of the items lie below it. */
  inside: number;
}

/** Those that lie below no other, by path. */
function outermost(items: readonly Pick<PlanItem, 'path' | 'type'>[]): Entry[] {
  const entries = new Map(items.map(({ path, type }) => [path, { path, type, inside: 0 }]));
  const outer: Entry[] = [];
  for (const [path, entry] of entries) {
    let above: Entry | undefined;
    for (let at = dirname(path); at !== '.'; at = dirname(at)) above = entries.get(at) ?? above;
    if (above) above.inside++;
    else outer.push(entry);
  }
  return outer.sort((a, b) => (a.path < b.path ? -1 : 1));
}
