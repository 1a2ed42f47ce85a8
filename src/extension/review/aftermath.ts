import { commands, TabInputText, window, type Tab, type TextDocument } from 'vscode';
import type { PlanItem } from '../../protocol/messages';
import { isWithin } from '../../protocol/paths';
import { fileUri } from '../changes/uris';
import { relativeTo } from '../workspaces/location';
import type { Session } from '../workspaces/session';

/**
 * Brings the editor in line with what a discard did: it is no program that writes into the mount, so no file watcher
 * hears of it.
 *
 * @param unsaved documents whose edits the user gave up
 */
export async function showDiscarded(
  session: Session,
  items: readonly PlanItem[],
  unsaved: readonly TextDocument[],
): Promise<void> {
  for (const document of unsaved) {
    if (!document.isClosed) await revert(document);
  }
  const roots = items.map(({ path }) => fileUri(session.config.mount, path).fsPath);
  for (const tab of window.tabGroups.all.flatMap((group) => group.tabs)) {
    const path = pathOf(tab);
    if (path === undefined || tab.isDirty || !roots.some((root) => isWithin(path, root))) continue;
    const there = await session.stat(relativeTo(path, session.config.mount), 'scratch');
    if (!there) await window.tabGroups.close(tab, true);
  }
}

/** The editor can revert the active editor only. */
async function revert(document: TextDocument): Promise<void> {
  await window.showTextDocument(document);
  await commands.executeCommand('workbench.action.files.revert');
}

function pathOf({ input }: Tab): string | undefined {
  return input instanceof TabInputText && input.uri.scheme === 'file' ? input.uri.fsPath : undefined;
}
