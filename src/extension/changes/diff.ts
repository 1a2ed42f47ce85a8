import { basename } from 'node:path/posix';
import { commands, l10n, window, type TextDocumentShowOptions, type Uri } from 'vscode';
import type { Change } from '../../protocol/messages';
import { isTooLarge } from '../blocks/suitability';
import type { Session } from '../workspaces/session';
import { baseUri, displayable, fileUri, hasUri } from './uris';

/** Above this many files, the editor that shows all of them becomes unusable. */
const MAX_FILES = 500;

/** The two sides of a change; a side that does not exist is absent. */
interface Sides {
  readonly base?: Uri;
  readonly file?: Uri;
}

/** Opens what there is to see of a change: the diff, or the only side that exists. */
export async function openChange(
  session: Session,
  change: Change,
  options: TextDocumentShowOptions = {},
): Promise<void> {
  const sides = sidesOf(session, change);
  const name = displayable(basename(change.path));
  if (sides.base && sides.file) {
    await commands.executeCommand('vscode.diff', sides.base, sides.file, diffTitle(change), options);
  } else if (sides.base) {
    await commands.executeCommand('vscode.open', sides.base, options, l10n.t('{0} (Deleted)', name));
  } else if (sides.file) {
    await commands.executeCommand('vscode.open', sides.file, options);
  } else {
    void window.showInformationMessage(nothingToShow(change, name));
  }
}

/** Opens the base's version of a change, read-only. */
export async function openBaseFile(session: Session, change: Change): Promise<void> {
  const name = displayable(basename(change.from ?? change.path));
  if (change.kind === 'created') {
    void window.showInformationMessage(l10n.t('{0} is new: the base has no such file.', name));
  } else if (change.type !== 'file' || !hasUri(change.path)) {
    void window.showInformationMessage(nothingToShow(change, name));
  } else {
    await commands.executeCommand(
      'vscode.open',
      baseUri(session.config, change),
      { preview: true },
      l10n.t('{0} (Base)', name),
    );
  }
}

/** Opens all of `changes` in one editor, but for those of files that are too large for it. */
export async function openAllChanges(session: Session, changes: readonly Change[]): Promise<void> {
  const large = changes.filter(({ type, size }) => type === 'file' && isTooLarge(size));
  if (large.length > 0) tellLarge(large);
  const resources = changes
    .filter((change) => change.kind !== 'metadata' && !large.includes(change))
    .map((change) => ({ change, sides: sidesOf(session, change) }))
    .filter(({ sides }) => sides.base ?? sides.file)
    .map(({ change, sides }): [Uri, Uri | undefined, Uri | undefined] => [
      fileUri(session.config, change.path),
      sides.base,
      sides.file,
    ]);
  if (resources.length === 0) {
    void window.showInformationMessage(l10n.t('There are no changed files to show.'));
  } else if (resources.length > MAX_FILES) {
    void window.showInformationMessage(
      l10n.t(
        'These are {0} files, too many for one editor. Select up to {1} of them, or a folder.',
        resources.length,
        MAX_FILES,
      ),
    );
  } else {
    await commands.executeCommand('vscode.changes', l10n.t('Changes of {0}', session.config.name), resources);
  }
}

function tellLarge(changes: readonly Change[]): void {
  const names = changes.map(({ path }) => displayable(basename(path))).join(', ');
  void window.showInformationMessage(
    l10n.t('Too large to be shown with other changes, but each in an editor of its own: {0}.', names),
  );
}

function sidesOf(session: Session, change: Change): Sides {
  if (change.type !== 'file' || !hasUri(change.path) || !hasUri(change.from ?? '')) return {};
  const file = fileUri(session.config, change.path);
  switch (change.kind) {
    case 'changed':
    case 'renamed':
      return { base: baseUri(session.config, change), file };
    case 'whiteout':
      return { base: baseUri(session.config, change) };
    case 'created':
    case 'metadata':
      return { file };
  }
}

function diffTitle(change: Change): string {
  const name = displayable(basename(change.path));
  if (change.from === undefined) return l10n.t('{0} (Base ↔ Workspace)', name);
  return l10n.t('{0} → {1} (Base ↔ Workspace)', displayable(basename(change.from)), name);
}

function nothingToShow(change: Change, name: string): string {
  switch (change.type) {
    case 'file':
      return l10n.t('The name of {0} is not valid UTF-8, so the editor cannot open it.', name);
    case 'directory':
      return l10n.t('{0} is a folder: there is no text to compare.', name);
    case 'symlink':
      return l10n.t('{0} is a symbolic link: there is no text to compare.', name);
    case 'fifo':
    case 'socket':
    case 'char':
    case 'block':
      return l10n.t('{0} is a special file: there is no text to compare.', name);
  }
}
