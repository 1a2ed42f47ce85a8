import { commands, env, l10n, window } from 'vscode';
import type { Change } from '../../protocol/messages';
import { isForBlocks } from '../blocks/suitability';
import { openAllChanges, openBaseFile, openChange } from '../changes/diff';
import { ChangeRow, MoreRow } from '../changes/rows';
import { fileUri } from '../changes/uris';
import type { Context } from '../context';
import type { CommandId } from '../contributions';
import type { Session } from '../workspaces/session';
import { offerCopy } from './chooseWorkspace';
import { activeChange, changesOf, chooseSession, chooseTargets, type Target } from './targets';

/** The path that stands for everything. */
const ALL = '';

export async function commitChosen(context: Context, args: readonly unknown[]): Promise<void> {
  for (const { session, paths } of await targets(context, args, l10n.t('Commit Changes'))) {
    await context.review.commit(session, paths);
  }
}

export async function commitAll(context: Context, args: readonly unknown[]): Promise<void> {
  const session = await readySession(context, args, l10n.t('Commit All Changes'));
  if (session && hasChanges(session)) await context.review.commit(session, [ALL]);
}

export async function discardChosen(context: Context, args: readonly unknown[]): Promise<void> {
  for (const { session, paths } of await targets(context, args, l10n.t('Discard Changes'))) {
    await context.review.discard(session, paths);
  }
}

export async function discardAll(context: Context, args: readonly unknown[]): Promise<void> {
  const session = await readySession(context, args, l10n.t('Discard All Changes'));
  if (session && hasChanges(session)) await context.review.discard(session, [ALL]);
}

export async function commitChecked({ changesView, review }: Context): Promise<void> {
  for (const { session, paths } of changesView.checked) await review.commit(session, paths);
}

export async function discardChecked({ changesView, review }: Context): Promise<void> {
  for (const { session, paths } of changesView.checked) await review.discard(session, paths);
}

export async function undoLastDiscard(context: Context, args: readonly unknown[]): Promise<void> {
  const session = await readySession(context, args, l10n.t('Undo Discard'));
  if (session) await context.review.undoDiscard(session);
}

export async function openChanges(context: Context, args: readonly unknown[]): Promise<void> {
  const title = l10n.t('Open Changes');
  const options = { preserveFocus: true };
  for (const { session, change } of await files(context, args, title)) {
    const forBlocks = await context.operations.run(title, () => isForBlocks(session, change));
    if (forBlocks) await context.blockDiffs.open(session, change.path, options);
    else await openChange(session, change, options);
  }
}

export async function showBlockDiff(context: Context, args: readonly unknown[]): Promise<void> {
  for (const { session, change } of await files(context, args, l10n.t('Show Block Diff'))) {
    if (change.type === 'file') await context.blockDiffs.open(session, change.path);
  }
}

export async function openAll(context: Context, args: readonly unknown[]): Promise<void> {
  const [row] = args;
  if (row instanceof ChangeRow) {
    const target = { session: row.session, paths: [row.node.path] };
    await openAllChanges(row.session, changesOf(target));
    return;
  }
  const session = await readySession(context, args, l10n.t('Open All Changes'));
  if (session && hasChanges(session)) await openAllChanges(session, [...session.tree.changes()]);
}

export async function openFile(context: Context, args: readonly unknown[]): Promise<void> {
  for (const { session, change } of await files(context, args, l10n.t('Open File'))) {
    await commands.executeCommand('vscode.open', fileUri(session.config, change.path));
  }
}

export async function openBase(context: Context, args: readonly unknown[]): Promise<void> {
  for (const { session, change } of await files(context, args, l10n.t('Open Base File'))) {
    await openBaseFile(session, change);
  }
}

export async function copyPaths(
  context: Context,
  args: readonly unknown[],
  options: { relative: boolean },
): Promise<void> {
  const chosen = await targets(context, args, l10n.t('Copy Path'));
  const lines = chosen.flatMap(({ session, paths }) =>
    options.relative ? paths : paths.map((path) => `${session.config.mount}/${path}`),
  );
  if (lines.length > 0) await env.clipboard.writeText(lines.join('\n'));
}

export function showMore(context: Context, [row]: readonly unknown[]): void {
  if (row instanceof MoreRow) context.changesView.showMore(row);
}

async function targets(context: Context, args: readonly unknown[], purpose: string): Promise<Target[]> {
  return (await explainAbsence(context)) ? [] : chooseTargets(context, args, purpose);
}

/** The changes that were chosen, or that of the active editor. */
async function files(
  context: Context,
  args: readonly unknown[],
  purpose: string,
): Promise<{ session: Session; change: Change }[]> {
  const active = activeChange(context);
  if (args[0] === undefined && active) return [active];
  const chosen = await targets(context, args, purpose);
  return chosen.flatMap((target) => changesOf(target).map((change) => ({ session: target.session, change })));
}

async function readySession(
  context: Context,
  args: readonly unknown[],
  purpose: string,
): Promise<Session | undefined> {
  return (await explainAbsence(context)) ? undefined : chooseSession(context, args, purpose);
}

/** Where there is no workspace to work on, says so and offers the way to one. Returns whether that is so. */
async function explainAbsence({ sessions }: Context): Promise<boolean> {
  switch (sessions.state) {
    case 'ready':
    case 'starting':
      return false;
    case 'none':
      await offerCopy(l10n.t('This window shows no workspace of Cowspace.'));
      return true;
    case 'unmounted':
    case 'failed':
      await offerMount();
      return true;
  }
}

async function offerMount(): Promise<void> {
  const mount = l10n.t('Mount');
  const command: CommandId = 'cowspace.mount';
  const message = l10n.t('The workspace of this window is not mounted.');
  if ((await window.showInformationMessage(message, mount)) === mount) await commands.executeCommand(command);
}

function hasChanges(session: Session): boolean {
  if (session.tree.size > 0) return true;
  void window.showInformationMessage(l10n.t("'{0}' has no changes.", session.config.name));
  return false;
}
