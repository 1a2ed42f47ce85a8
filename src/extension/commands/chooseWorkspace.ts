import { commands, l10n, window } from 'vscode';
import { formatBytes } from '../../protocol/format';
import type { WorkspaceInfo } from '../../protocol/messages';
import type { Context } from '../context';
import type { CommandId } from '../contributions';
import { shortPaths } from '../workspaces/location';
import { WorkspaceItem } from '../workspaces/workspacesView';
import { rowsOf } from './targets';

interface Choice {
  readonly title: string;
  /** Which ones to choose from; absent: all. */
  readonly filter?: (info: WorkspaceInfo) => boolean;
  /** Told when there is none. */
  readonly none: string;
}

/**
 * Finds the workspace that a command is for: the one whose row was clicked, the only one, or what the user picks.
 * Where there is none to pick from, says so and offers to make one.
 */
export async function chooseWorkspace(
  context: Context,
  args: readonly unknown[],
  choice: Choice,
): Promise<WorkspaceInfo | undefined> {
  const [clicked] = args;
  if (clicked instanceof WorkspaceItem) return clicked.info;
  const all = (await context.operations.run(choice.title, () => context.workspaces.list())) ?? [];
  const [row] = rowsOf(args) ?? [];
  if (row) return all.find(({ name }) => name === row.session.config.name);
  const candidates = choice.filter ? all.filter(choice.filter) : all;
  const [only, ...others] = candidates;
  if (!only) {
    await offerCopy(choice.none);
    return undefined;
  }
  if (others.length === 0) return only;
  const items = candidates
    .map((info) => ({ label: info.name, description: describe(info), detail: shortPaths(info.bases), info }))
    .sort((a, b) => Number(isShown(context, b.info)) - Number(isShown(context, a.info)));
  return (await window.showQuickPick(items, { title: choice.title, matchOnDetail: true }))?.info;
}

/** Explains that there is nothing to work on, and offers the way out. */
export async function offerCopy(message: string): Promise<void> {
  const open = l10n.t('Open Pristine Copy…');
  const command: CommandId = 'cowspace.openPristineCopy';
  if ((await window.showInformationMessage(message, open)) === open) await commands.executeCommand(command);
}

function isShown(context: Context, info: WorkspaceInfo): boolean {
  return context.sessions.named(info.name) !== undefined;
}

function describe(info: WorkspaceInfo): string {
  const state = info.mounted ? l10n.t('mounted') : l10n.t('not mounted');
  return `${state} · ${formatBytes(info.storedBytes)}`;
}
