import { l10n, window } from 'vscode';
import { CowspaceError } from '../../protocol/errors';
import type { CommitResult, Conflict } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { openAllChanges } from '../changes/diff';
import { countLabel } from '../changes/rows';
import type { Operations } from '../operations';
import { readSetting } from '../settings';
import { shortPaths } from '../workspaces/location';
import type { Session } from '../workspaces/session';
import { revertAll, showRestored } from './aftermath';
import { describeCommit, describeDiscard } from './confirmation';
import { deletedByCommit } from './plan';
import { saveAll, unsavedDocuments } from './unsaved';

/** Commits and discards changes, after asking. Paths are relative to the mount; an empty one stands for everything. */
export class Review {
  constructor(private readonly operations: Operations) {}

  /** Commits to the base, after one question that names all deletions and conflicts. */
  async commit(session: Session, paths: readonly string[]): Promise<void> {
    const title = l10n.t('Committing changes of {0}', session.config.name);
    const plan = await this.operations.run(planTitle(session), (options) =>
      session.request(methods.commit, { paths: [...paths], dryRun: true }, options),
    );
    if (!plan) return;
    const unsaved = unsavedDocuments(session, paths);
    const skipConflicts = plan.conflicts.length > 0;
    const mustAsk = skipConflicts || unsaved.length > 0 || deletedByCommit(plan.items).length > 0;
    if ((mustAsk || readSetting('confirmCommit')) && !(await confirmCommit(session, plan, unsaved.length)))
      return;
    if (!(await saveAll(unsaved))) return;
    const result = await this.operations.run(title, async (options) => {
      try {
        return await session.request(methods.commit, { paths: [...paths], skipConflicts }, options);
      } catch (error) {
        if (error instanceof CowspaceError && error.code === 'conflict') return error;
        throw error;
      }
    });
    if (result instanceof CowspaceError) {
      // The base moved while the user was asked: what was agreed to holds no longer.
      await this.commit(session, paths);
    } else if (result) {
      void window.showInformationMessage(
        l10n.t('Committed {0} to {1}.', countLabel(result.items.length), shortPaths(session.config.bases)),
      );
    }
  }

  /** Discards, after one question that names all that is deleted; offers to undo it. */
  async discard(session: Session, paths: readonly string[]): Promise<void> {
    const title = l10n.t('Discarding changes of {0}', session.config.name);
    const plan = await this.operations.run(planTitle(session), (options) =>
      session.request(methods.discard, { paths: [...paths], dryRun: true }, options),
    );
    if (!plan) return;
    const unsaved = unsavedDocuments(session, paths);
    if (readSetting('confirmDiscard') || unsaved.length > 0) {
      const { message, detail } = describeDiscard(session, plan.items, unsaved.length);
      const yes = l10n.t('Discard');
      if ((await window.showWarningMessage(message, { modal: true, detail }, yes)) !== yes) return;
    }
    const result = await this.operations.run(title, (options) =>
      session.request(methods.discard, { paths: [...paths] }, options),
    );
    if (!result) return;
    const { items, undoId } = result;
    if (undoId !== undefined) await session.discards.push(undoId);
    await revertAll(unsaved);
    const undo = l10n.t('Undo');
    const offers = undoId === undefined ? [] : [undo];
    const done = l10n.t('Discarded {0} of {1}.', countLabel(items.length), session.config.name);
    void window.showInformationMessage(done, ...offers).then(async (choice) => {
      if (choice === undo) await this.undoDiscard(session, undoId);
    });
  }

  /** Takes back a discard. @param undoId absent: the last one */
  async undoDiscard(session: Session, undoId?: string): Promise<void> {
    const id = undoId ?? session.discards.last;
    if (id === undefined) {
      void window.showInformationMessage(l10n.t('There is no discard to undo.'));
      return;
    }
    const title = l10n.t('Undoing a discard of {0}', session.config.name);
    const result = await this.operations.run(title, (options) =>
      session.request(methods.undoDiscard, { undoId: id }, options),
    );
    if (!result) return;
    await session.discards.remove(id);
    await showRestored(session, result.items);
    void window.showInformationMessage(
      l10n.t('Restored {0} of {1}.', countLabel(result.items.length), session.config.name),
    );
  }
}

function planTitle(session: Session): string {
  return l10n.t('Looking at the changes of {0}', session.config.name);
}

async function confirmCommit(session: Session, plan: CommitResult, unsaved: number): Promise<boolean> {
  const { message, detail } = describeCommit(session, plan, unsaved);
  const { items, conflicts } = plan;
  if (conflicts.length === 0) {
    const yes = unsaved > 0 ? l10n.t('Save and Commit') : l10n.t('Commit');
    return (await window.showWarningMessage(message, { modal: true, detail }, yes)) === yes;
  }
  const open = l10n.t('Open Conflicts');
  const rest = l10n.t('Commit the Rest');
  const choices = items.length > 0 ? [open, rest] : [open];
  const choice = await window.showWarningMessage(message, { modal: true, detail }, ...choices);
  if (choice === open) await openConflicts(session, conflicts);
  return choice === rest;
}

async function openConflicts(session: Session, conflicts: readonly Conflict[]): Promise<void> {
  const changes = conflicts
    .map(({ path }) => session.tree.get(path)?.change)
    .filter((change) => change != null);
  await openAllChanges(session, changes);
}
