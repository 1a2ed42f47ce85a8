import { workspace, type TextDocument } from 'vscode';
import { isWithin } from '../../protocol/paths';
import { fileUri, hasSchemeOf } from '../changes/uris';
import type { Session } from '../workspaces/session';

/** Open files with unsaved edits at and below these paths of the mount. */
export function unsavedDocuments(session: Session, paths: readonly string[]): TextDocument[] {
  const roots = paths.map((path) => fileUri(session.config, path).fsPath);
  return workspace.textDocuments.filter(
    ({ isDirty, uri }) =>
      isDirty && hasSchemeOf(session.config, uri) && roots.some((root) => isWithin(uri.fsPath, root)),
  );
}

/** Returns whether all could be saved. */
export async function saveAll(documents: readonly TextDocument[]): Promise<boolean> {
  const saved = await Promise.all(documents.map((document) => document.save()));
  return saved.every(Boolean);
}
