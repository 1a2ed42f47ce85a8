import { stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, FileSystemError, window, workspace, type TextDocument } from 'vscode';
import { isWithin } from '../../protocol/paths';
import type { PlanItem } from '../../protocol/messages';
import { fileUri } from '../changes/uris';
import type { Session } from '../workspaces/session';

/** Milliseconds that the editor has to notice by itself. */
const GRACE = 500;

/** Gives up unsaved edits. The editor can revert the active editor only. */
export async function revertAll(documents: readonly TextDocument[]): Promise<void> {
  for (const document of documents) {
    if (document.isClosed) continue;
    if (window.activeTextEditor?.document !== document) await window.showTextDocument(document);
    await commands.executeCommand('workbench.action.files.revert');
  }
}

/**
 * Has the editor read restored files that it shows. It takes one whose time went back (discard) and forth (undo) for
 * the one that it knows, unless the file gets a new time.
 */
export async function showRestored(session: Session, items: readonly PlanItem[]): Promise<void> {
  // Of files that are not on a disk the editor believes what it is told.
  if (session.config.driver === 'editor') return;
  await sleep(GRACE);
  const roots = items.map(({ path }) => fileUri(session.config, path).fsPath);
  for (const document of workspace.textDocuments) {
    const { fsPath } = document.uri;
    if (document.uri.scheme !== 'file' || !roots.some((root) => isWithin(fsPath, root))) continue;
    if (await isOutdated(document)) await utimes(fsPath, (await stat(fsPath)).atime, new Date());
  }
}

async function isOutdated(document: TextDocument): Promise<boolean> {
  if (!isClean(document)) return false;
  try {
    const bytes = await workspace.fs.readFile(document.uri);
    const text = await workspace.decode(bytes, { encoding: document.encoding });
    return isClean(document) && text !== document.getText();
  } catch (error) {
    // What was restored is that the file is gone.
    if (error instanceof FileSystemError && error.code === 'FileNotFound') return false;
    throw error;
  }
}

/** Unsaved edits are the user's: such a document is never outdated. */
function isClean({ isDirty, isClosed }: TextDocument): boolean {
  return !isDirty && !isClosed;
}
