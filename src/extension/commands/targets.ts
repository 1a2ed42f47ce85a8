import { l10n, TabInputCustom, TabInputTextDiff, window } from 'vscode';
import type { Change } from '../../protocol/messages';
import { parseBlocksUri } from '../blocks/uris';
import { changedNodes } from '../changes/changeTree';
import { kindPresentations } from '../changes/kinds';
import { ChangeRow, countLabel, WorkspaceRow } from '../changes/rows';
import { displayable } from '../changes/uris';
import type { Context } from '../context';
import { schemes } from '../contributions';
import { relativeTo } from '../workspaces/location';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';

/** What a command works on: some changes of one workspace. A directory stands for all below it, an empty path for everything. */
export interface Target {
  readonly session: Session;
  readonly paths: readonly string[];
}

type TargetRow = ChangeRow | WorkspaceRow;

/**
 * Finds what the user means: the rows that the menu was opened on, else what is selected in the view, else what they
 * pick from all changes. Empty when they picked nothing.
 *
 * @param purpose what the pick is for, as a title
 */
export async function chooseTargets(
  context: Context,
  args: readonly unknown[],
  purpose: string,
): Promise<Target[]> {
  const rows = rowsOf(args) ?? context.changesView.selection.filter(isTargetRow);
  return rows.length > 0
    ? group(rows.map((row) => [row.session, pathOf(row)]))
    : pickChanges(context, purpose);
}

/** The rows that a tree view's menu hands to a command: the clicked one, and all selected where it is among them. */
export function rowsOf([clicked, selected]: readonly unknown[]): TargetRow[] | undefined {
  if (Array.isArray(selected) && selected.includes(clicked)) return selected.filter(isTargetRow);
  return isTargetRow(clicked) ? [clicked] : undefined;
}

/** All changes at and below the targets' paths. */
export function changesOf({ session, paths }: Target): Change[] {
  return paths.flatMap((path) => {
    const node = session.tree.find(path);
    return node ? [...changedNodes(node)].map((each) => each.change!) : [];
  });
}

/** Asks which workspace is meant when the window shows several. */
export async function chooseSession(
  context: Context,
  args: readonly unknown[],
  purpose: string,
): Promise<Session | undefined> {
  const [row] = rowsOf(args) ?? [];
  if (row) return row.session;
  const ready = context.sessions.all.filter(({ state }) => state === 'ready');
  if (ready.length <= 1) return ready[0];
  const items = ready.map((session) => ({
    label: session.config.name,
    description: countLabel(session.tree.size),
    session,
  }));
  return (await window.showQuickPick(items, { title: purpose }))?.session;
}

/** The change of the file that the active editor shows, if it is one. */
export function activeChange({ sessions }: Context): { session: Session; change: Change } | undefined {
  const file = activeFile(sessions);
  const change = file?.session.tree.get(file.path)?.change;
  return file && change ? { session: file.session, change } : undefined;
}

function activeFile(sessions: Sessions): { session: Session; path: string } | undefined {
  const input = window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof TabInputCustom && input.uri.scheme === schemes.blocks) {
    const { workspace, path } = parseBlocksUri(input.uri);
    const session = sessions.named(workspace);
    return session && { session, path };
  }
  const uri = input instanceof TabInputTextDiff ? input.modified : window.activeTextEditor?.document.uri;
  const session = uri && sessions.holding(uri);
  return session && { session, path: relativeTo(uri.fsPath, session.config.mount) };
}

function pathOf(row: TargetRow): string {
  return row instanceof ChangeRow ? row.node.path : '';
}

function isTargetRow(value: unknown): value is TargetRow {
  return value instanceof ChangeRow || value instanceof WorkspaceRow;
}

function group(entries: readonly (readonly [Session, string])[]): Target[] {
  const paths = new Map<Session, string[]>();
  for (const [session, path] of entries) {
    const own = paths.get(session);
    if (own) own.push(path);
    else paths.set(session, [path]);
  }
  return [...paths].map(([session, own]) => ({ session, paths: own }));
}

/** All changes to choose from; that of the active editor comes first and is chosen already. */
async function pickChanges(context: Context, purpose: string): Promise<Target[]> {
  const active = activeChange(context);
  const items = context.sessions.all.flatMap((session) =>
    [...session.tree.changes()].map((change) => ({
      label: displayable(change.path),
      description: kindPresentations[change.kind].label,
      picked: change === active?.change,
      session,
      path: change.path,
    })),
  );
  if (items.length === 0) {
    void window.showInformationMessage(l10n.t('There are no changes.'));
    return [];
  }
  const picked = await window.showQuickPick(
    items.sort((a, b) => Number(b.picked) - Number(a.picked)),
    { title: purpose, canPickMany: true, placeHolder: l10n.t('Choose the changes') },
  );
  return group((picked ?? []).map(({ session, path }) => [session, path]));
}
