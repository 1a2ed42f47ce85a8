import { commands, Disposable, env, l10n, Uri, window } from 'vscode';
import type { Context } from '../context';
import type { CommandId } from '../contributions';
import * as changes from './changes';
import { chooseWorkspace } from './chooseWorkspace';
import { findInFiles } from './find';
import * as lifecycle from './lifecycle';

type Handler = (context: Context, args: readonly unknown[]) => unknown;

const handlers: Readonly<Record<CommandId, Handler>> = {
  'cowspace.openPristineCopy': (context, [folder]) => lifecycle.openPristineCopy(context, folder),
  'cowspace.openWorkspace': (context, args) =>
    lifecycle.openWorkspace(context, args, { forceNewWindow: true }),
  'cowspace.openWorkspaceHere': (context, args) =>
    lifecycle.openWorkspace(context, args, { forceReuseWindow: true }),
  'cowspace.mount': lifecycle.mount,
  'cowspace.unmount': lifecycle.unmount,
  'cowspace.remove': lifecycle.remove,
  'cowspace.copyMountPath': copyMountPath,
  'cowspace.showWorkspaceLog': showWorkspaceLog,
  'cowspace.refresh': refresh,
  'cowspace.openChanges': changes.openChanges,
  'cowspace.showBlockDiff': changes.showBlockDiff,
  'cowspace.openAllChanges': changes.openAll,
  'cowspace.openFile': changes.openFile,
  'cowspace.openBaseFile': changes.openBase,
  'cowspace.commit': changes.commitChosen,
  'cowspace.commitAll': changes.commitAll,
  'cowspace.discard': changes.discardChosen,
  'cowspace.discardAll': changes.discardAll,
  'cowspace.commitChecked': changes.commitChecked,
  'cowspace.discardChecked': changes.discardChecked,
  'cowspace.undoDiscard': changes.undoLastDiscard,
  'cowspace.copyPath': (context, args) => changes.copyPaths(context, args, { relative: false }),
  'cowspace.copyRelativePath': (context, args) => changes.copyPaths(context, args, { relative: true }),
  'cowspace.viewAsList': ({ changesView }) => changesView.setMode('list'),
  'cowspace.findInFiles': findInFiles,
  'cowspace.showMoreChanges': changes.showMore,
  'cowspace.viewAsTree': ({ changesView }) => changesView.setMode('tree'),
  'cowspace.blockDiff.previousChange': ({ blockDiffs }) => blockDiffs.run('previousChange'),
  'cowspace.blockDiff.nextChange': ({ blockDiffs }) => blockDiffs.run('nextChange'),
  'cowspace.blockDiff.find': ({ blockDiffs }) => blockDiffs.run('find'),
  'cowspace.blockDiff.goToOffset': ({ blockDiffs }) => blockDiffs.goToOffset(),
  'cowspace.blockDiff.copy': ({ blockDiffs }) => blockDiffs.run('copy'),
  'cowspace.blockDiff.copyBase': ({ blockDiffs }) => blockDiffs.run('copyBase'),
  'cowspace.blockDiff.discard': ({ blockDiffs }) => blockDiffs.run('discard'),
  'cowspace.showLog': ({ log }) => log.show(),
};

/** Registers all commands of the extension. */
export function registerCommands(context: Context): Disposable {
  const registered = Object.entries(handlers).map(([id, handler]) =>
    commands.registerCommand(id, (...args: unknown[]) => handler(context, args)),
  );
  return Disposable.from(...registered);
}

async function refresh(context: Context): Promise<void> {
  await context.catalog.refresh();
  const ready = context.sessions.all.filter(({ state }) => state === 'ready');
  await context.operations.run(l10n.t('Refreshing'), () =>
    Promise.all(ready.map((session) => session.refresh())),
  );
}

async function copyMountPath(context: Context, args: readonly unknown[]): Promise<void> {
  const info = await chooseWorkspace(context, args, {
    title: l10n.t('Copy Path of Mount'),
    none: l10n.t('There are no workspaces yet.'),
  });
  if (info) await env.clipboard.writeText(info.mount);
}

async function showWorkspaceLog(context: Context, args: readonly unknown[]): Promise<void> {
  const info = await chooseWorkspace(context, args, {
    title: l10n.t('Show Log of Workspace'),
    none: l10n.t('There are no workspaces yet.'),
  });
  if (info) await window.showTextDocument(Uri.file(context.workspaces.registry.logFile(info.name)));
}
