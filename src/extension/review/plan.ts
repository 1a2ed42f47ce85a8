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
 * hide any. Directories end in a slash.
 */
export function nameAll(items: readonly Pick<PlanItem, 'path' | 'type'>[]): string[] {
  const shown = (path: string, item: Pick<PlanItem, 'type'>) =>
    item.type === 'directory' ? `${path}/` : path;
  if (items.length <= MAX_LINES) return items.map((item) => shown(item.path, item));
  const names = new Map<string, string[]>();
  for (const item of items) {
    const directory = dirname(item.path);
    const name = shown(basename(item.path), item);
    const siblings = names.get(directory);
    if (siblings) siblings.push(name);
    else names.set(directory, [name]);
  }
  return [...names].map(([directory, siblings]) =>
    directory === '.' ? siblings.join(', ') : `${directory}/: ${siblings.join(', ')}`,
  );
}
