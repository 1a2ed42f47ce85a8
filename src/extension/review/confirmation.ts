import { l10n } from 'vscode';
import { formatBytes } from '../../protocol/format';
import type { Change, CommitResult, PlanItem, WorkspaceInfo } from '../../protocol/messages';
import { kindPresentations } from '../changes/kinds';
import { countLabel } from '../changes/rows';
import { displayable } from '../changes/uris';
import { shortPaths } from '../workspaces/location';
import type { Session } from '../workspaces/session';
import { countKinds, deletedByCommit, deletedByDiscard, nameAll } from './plan';

/** A question, and what to know before answering it. */
export interface Question {
  readonly message: string;
  readonly detail: string;
}

export function describeCommit(
  session: Session,
  { items, conflicts }: CommitResult,
  unsaved: number,
): Question {
  const base = shortPaths(session.config.bases);
  const sections = [summary(items)];
  if (unsaved > 0) sections.push(unsavedSentence(unsaved));
  sections.push(...named(l10n.t('Deletes from the base:'), deletedByCommit(items)));
  if (conflicts.length === 0) {
    const message = l10n.t('Commit {0} to {1}?', quantity(items), base);
    return { message, detail: sections.join('\n\n') };
  }
  const lines = conflicts.map(({ path, reason }) => `${displayable(path)}: ${reason}`);
  sections.unshift([l10n.t('Not committed, because the base moved:'), ...lines].join('\n'));
  const message =
    items.length > 0
      ? l10n.t(
          'Commit only {0} to {1}? {2} in conflict.',
          quantity(items),
          base,
          countLabel(conflicts.length),
        )
      : l10n.t('Nothing can be committed to {0}: {1} in conflict.', base, countLabel(conflicts.length));
  return { message, detail: sections.filter((section) => section !== '').join('\n\n') };
}

export function describeDiscard(session: Session, items: readonly PlanItem[], unsaved: number): Question {
  const sections = [summary(items)];
  if (unsaved > 0) sections.push(lostSentence(unsaved));
  sections.push(...named(l10n.t('Deletes from the workspace:'), deletedByDiscard(items)));
  const message = l10n.t('Discard {0} in {1}?', quantity(items), session.config.name);
  return { message, detail: sections.join('\n\n') };
}

export function describeRemoval(info: WorkspaceInfo, changes: readonly Change[]): Question {
  const base = shortPaths(info.bases);
  const sections = [
    l10n.t(
      'What it stores ({0}) is deleted for good: commit first what shall stay. The base {1} is not touched.',
      formatBytes(info.storedBytes),
      base,
    ),
    summary(changes),
    ...named(l10n.t('Lost with it:'), changes.filter(hasContent)),
  ];
  return {
    message: l10n.t("Remove the workspace '{0}' and all its changes?", info.name),
    detail: sections.filter((section) => section !== '').join('\n\n'),
  };
}

/** Whether there is something of the change that nothing but the workspace has. */
function hasContent({ kind }: Change): boolean {
  return kind === 'created' || kind === 'changed';
}

/** The one thing by its name, several by their number. */
function quantity(items: readonly PlanItem[]): string {
  const [only, ...others] = items;
  return only && others.length === 0 ? l10n.t("'{0}'", displayable(only.path)) : countLabel(items.length);
}

function summary(items: readonly PlanItem[]): string {
  return countKinds(items)
    .map(({ kind, count }) => `${kindPresentations[kind].label}: ${count.toLocaleString()}`)
    .join(' · ');
}

function named(title: string, items: readonly PlanItem[]): string[] {
  const holding = (count: number) => l10n.t('(with {0} in it)', count.toLocaleString());
  return items.length === 0 ? [] : [[title, ...nameAll(items, holding).map(displayable)].join('\n')];
}

function unsavedSentence(count: number): string {
  return count === 1
    ? l10n.t('1 open file has unsaved edits, which are saved first.')
    : l10n.t('{0} open files have unsaved edits, which are saved first.', count);
}

function lostSentence(count: number): string {
  return count === 1
    ? l10n.t('The unsaved edits of 1 open file are lost; undo does not bring them back.')
    : l10n.t('The unsaved edits of {0} open files are lost; undo does not bring them back.', count);
}
