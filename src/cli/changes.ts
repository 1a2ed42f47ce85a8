import type { Change, ChangeKind, PlanItem, Totals } from '../protocol/messages';
import { changeKinds } from '../protocol/messages';
import type { Style, Terminal } from './terminal';
import { count, path, size, table } from './text';

const styles: Record<ChangeKind, Style> = {
  changed: 'yellow',
  created: 'green',
  whiteout: 'red',
  renamed: 'cyan',
  metadata: 'blue',
};

/** A line for each change: what it is, how large, and where. */
export function changeLines(changes: readonly (Change | PlanItem)[], terminal: Terminal): string {
  const rows = changes.map((change) => [
    change.kind,
    change.type === 'directory' ? '' : size(change.size),
    stored(change),
    place(change) + damage(change),
  ]);
  return table(
    [
      { style: (text, row) => terminal.style(styles[changes[row]!.kind], text) },
      { align: 'right' },
      { align: 'right' },
      {},
    ],
    rows,
  );
}

/** How many there are of each kind. */
export function summary(kinds: Pick<Totals, ChangeKind>): string {
  const parts = changeKinds.filter((kind) => kinds[kind] > 0).map((kind) => `${kinds[kind]} ${kind}`);
  const total = changeKinds.reduce((sum, kind) => sum + kinds[kind], 0);
  return total === 0 ? 'No changes.' : `${count(total, 'change')}: ${parts.join(', ')}`;
}

export function countKinds(items: readonly PlanItem[]): Pick<Totals, ChangeKind> {
  const kinds = { changed: 0, created: 0, whiteout: 0, renamed: 0, metadata: 0 };
  for (const { kind } of items) kinds[kind]++;
  return kinds;
}

/** What the scratch holds of a file, which of a large one may be little. */
function stored(change: Change | PlanItem): string {
  return 'storedBytes' in change && change.storedBytes > 0 ? `${size(change.storedBytes)} stored` : '';
}

function damage(change: Change | PlanItem): string {
  return 'damage' in change ? `  (${change.damage})` : '';
}

function place({ path: to, from, type }: Change | PlanItem): string {
  const slash = type === 'directory' ? '/' : '';
  return `${from === undefined ? '' : `${path(from)}${slash} → `}${path(to)}${slash}`;
}
