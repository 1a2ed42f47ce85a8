import type { Uri } from 'vscode';
import { l10n, Range, window, workspace, type QuickPickItem } from 'vscode';
import { type EditorMatch, MAX_MATCHES } from '../../protocol/editorFiles';
import { methods } from '../../protocol/methods';
import { fileUri } from '../changes/uris';
import type { Context } from '../context';
import type { Session } from '../workspaces/session';

interface MatchItem extends QuickPickItem {
  readonly uri: Uri;
  readonly match: EditorMatch;
}

/** Looks for text in a workspace that is not mounted: the editor's own search finds nothing there. */
export async function findInFiles(context: Context): Promise<void> {
  const sessions = context.sessions.all.filter(
    ({ state, config }) => state === 'ready' && config.driver === 'editor',
  );
  if (sessions.length === 0) return;
  const title = l10n.t('Find in Files of Workspace');
  const text = await window.showInputBox({
    title,
    value: selectedText(),
    placeHolder: l10n.t('Text to look for; upper and lower case are told apart if it has upper case'),
  });
  if (!text) return;
  const items = await context.operations.run(title, async (options) => {
    const found = await Promise.all(sessions.map((session) => search(session, text, options.signal)));
    return found.flat();
  });
  if (!items) return;
  if (items.length === 0) {
    void window.showInformationMessage(l10n.t("'{0}' is in no file.", text));
    return;
  }
  const count = items.length < MAX_MATCHES ? `${items.length}` : l10n.t('the first {0}', MAX_MATCHES);
  const chosen = await window.showQuickPick(items, {
    title: l10n.t("'{0}': {1}", text, count),
    matchOnDescription: true,
  });
  if (chosen) await show(chosen);
}

async function search(session: Session, text: string, signal: AbortSignal | undefined): Promise<MatchItem[]> {
  const matchCase = text !== text.toLowerCase();
  const params = { text, matchCase, skip: excludedNames() };
  const matches = await session.request(methods.editorSearch, params, signal && { signal });
  return matches.map((match) => ({
    label: match.preview,
    description: `${match.path}:${match.line + 1}`,
    uri: fileUri(session.config, match.path),
    match,
  }));
}

async function show({ uri, match }: MatchItem): Promise<void> {
  const { line, column, length } = match;
  await window.showTextDocument(uri, { selection: new Range(line, column, line, column + length) });
}

function selectedText(): string {
  const editor = window.activeTextEditor;
  if (!editor?.selection.isSingleLine) return '';
  return editor.document.getText(editor.selection);
}

/** Of the editor's exclusions those that are plain names, such as `node_modules` in any directory. */
function excludedNames(): string[] {
  const patterns = ['files.exclude', 'search.exclude'].flatMap((setting) =>
    Object.entries(workspace.getConfiguration().get<Record<string, unknown>>(setting, {})),
  );
  return patterns.flatMap(([pattern, on]) => {
    const name = on === true ? /^\*\*\/([^*?{}[\]/]+)$/.exec(pattern)?.[1] : undefined;
    return name === undefined ? [] : [name];
  });
}
