import { basename } from 'node:path/posix';
import { commands, l10n, Uri, window, workspace } from 'vscode';
import type { RequestOptions } from '../../protocol/client';
import { parseDeltaThreshold } from '../../protocol/deltaThreshold';
import { asCowspaceError, CowspaceError, isRefusedWith } from '../../protocol/errors';
import type { Change, DriverName, WorkspaceInfo } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { isWithin } from '../../protocol/paths';
import { fileUri } from '../changes/uris';
import type { Context } from '../context';
import { describeRemoval } from '../review/confirmation';
import { saveAll, unsavedDocuments } from '../review/unsaved';
import { readSetting } from '../settings';
import { workspaceAt } from '../workspaces/location';
import { CLIENT_NAME, type Session } from '../workspaces/session';
import { chooseWorkspace } from './chooseWorkspace';

interface OpenOptions {
  readonly forceNewWindow?: boolean;
  readonly forceReuseWindow?: boolean;
}

/** Makes a workspace over a folder, and opens it. @param folder absent: the user chooses it */
export async function openPristineCopy(context: Context, folder: unknown): Promise<void> {
  const base = folder instanceof Uri ? folder : await chooseBase(context);
  if (!base) return;
  const title = l10n.t('Opening a pristine copy of {0}', basename(base.fsPath));
  const info = await context.operations.run(title, (options) => createOrOffer(context, base.fsPath, options));
  if (!info) return;
  await context.catalog.refresh();
  await openFolder(fileUri(info, ''), { forceNewWindow: true });
}

export async function openWorkspace(
  context: Context,
  args: readonly unknown[],
  options: OpenOptions,
): Promise<void> {
  const info = await chooseWorkspace(context, args, {
    title: l10n.t('Open Workspace'),
    none: l10n.t('There are no workspaces yet.'),
  });
  if (info && (await mountFromHere(context, info))) await openFolder(fileUri(info, ''), options);
}

export async function mount(context: Context, args: readonly unknown[]): Promise<void> {
  const away = context.sessions.all.filter(({ state }) => state !== 'ready');
  if (args[0] === undefined && away.length > 0) {
    await Promise.all(away.map((session) => mountFromHere(context, session.config)));
    return;
  }
  const info = await chooseWorkspace(context, args, {
    title: l10n.t('Mount Workspace'),
    filter: ({ mounted }) => !mounted,
    none: l10n.t('There is no workspace that could be mounted.'),
  });
  if (info) await mountFromHere(context, info);
}

export async function unmount(context: Context, args: readonly unknown[]): Promise<void> {
  const [shown, ...others] = context.sessions.all.filter(({ state }) => state === 'ready');
  if (args[0] === undefined && shown && others.length === 0) {
    await unmountHere(context, shown);
    return;
  }
  const info = await chooseWorkspace(context, args, {
    title: l10n.t('Unmount Workspace'),
    filter: ({ mounted }) => mounted,
    none: l10n.t('No workspace is mounted.'),
  });
  if (!info) return;
  const session = context.sessions.named(info.name);
  if (session) await unmountHere(context, session);
  else await unmountElsewhere(context, info.name);
}

/** Language servers and terminals of this window use the mount, so nothing but force would do. */
async function unmountHere(context: Context, session: Session): Promise<void> {
  const { name } = session.config;
  const yes = l10n.t('Unmount');
  const message = l10n.t("Unmount '{0}', which this window shows?", name);
  const detail = l10n.t(
    'Unsaved files are saved, and all changes are kept. But the folder is empty until it is mounted again, and programs that work in it get errors.',
  );
  if ((await window.showWarningMessage(message, { modal: true, detail }, yes)) !== yes) return;
  if (!(await saveAll(unsavedDocuments(session, [''])))) return;
  await context.operations.run(l10n.t('Unmounting {0}', name), () =>
    context.workspaces.unmount(name, { force: true }),
  );
}

async function unmountElsewhere(context: Context, name: string): Promise<void> {
  const title = l10n.t('Unmounting {0}', name);
  const busy = await context.operations.run(title, () => tryUnmount(context, name));
  if (!busy) return;
  const force = l10n.t('Unmount Anyway');
  const detail = l10n.t('Programs that work in it get errors from then on. What they saved is kept.');
  if ((await window.showWarningMessage(busy.message, { modal: true, detail }, force)) !== force) return;
  await context.operations.run(title, () => context.workspaces.unmount(name, { force: true }));
}

/** Removes a workspace with all its changes, after one question. */
export async function remove(context: Context, args: readonly unknown[]): Promise<void> {
  const info = await chooseWorkspace(context, args, {
    title: l10n.t('Remove Workspace'),
    none: l10n.t('There is no workspace to remove.'),
  });
  if (!info) return;
  const { message, detail } = describeRemoval(info, await knownChanges(context, info));
  const shown = context.sessions.named(info.name) !== undefined;
  const choices = shown
    ? [l10n.t('Remove and Open Base'), l10n.t('Remove and Close Folder')]
    : [l10n.t('Remove')];
  const choice = await window.showWarningMessage(message, { modal: true, detail }, ...choices);
  if (choice === undefined) return;
  if (!shown) {
    const title = l10n.t('Removing {0}', info.name);
    await context.operations.run(title, () => context.workspaces.remove(info.name, { force: true }));
    return;
  }
  await context.removals.schedule(info.name);
  await leave(info, choice === choices[0]);
}

/** Only the daemon knows the changes: there are none to name of a workspace that is not mounted. */
async function knownChanges(context: Context, { name, mounted }: WorkspaceInfo): Promise<readonly Change[]> {
  if (!mounted) return [];
  const list = await context.operations.run(l10n.t('Reading the changes of {0}', name), async (options) => {
    const client = await context.workspaces.connect(name, CLIENT_NAME);
    try {
      return await client.request(methods.changes, {}, options);
    } finally {
      client.dispose();
    }
  });
  return list?.changes ?? [];
}

/** Has the window show something else, which may restart the extension. */
async function leave(info: WorkspaceInfo, openBase: boolean): Promise<void> {
  const folders = workspace.workspaceFolders ?? [];
  const stay = folders.filter(({ uri }) => !isWithin(uri.fsPath, info.mount));
  const [base] = openBase ? info.bases : [];
  if (stay.length === 0 && base !== undefined) {
    await openFolder(Uri.file(base), { forceReuseWindow: true });
  } else if (stay.length === 0) {
    await commands.executeCommand('workbench.action.closeFolder');
  } else {
    const added = base === undefined ? [] : [{ uri: Uri.file(base) }];
    const next = [...stay.map(({ uri, name }) => ({ uri, name })), ...added];
    workspace.updateWorkspaceFolders(0, folders.length, ...next);
  }
}

async function chooseBase(context: Context): Promise<Uri | undefined> {
  const [current] = workspace.workspaceFolders ?? [];
  const copy = current && workspaceAt(current.uri.fsPath, context.catalog.configs);
  const defaultUri = copy ? Uri.file(copy.bases[0]!) : current?.uri;
  const picked = await window.showOpenDialog({
    title: l10n.t('Open Pristine Copy'),
    openLabel: l10n.t('Open Pristine Copy'),
    canSelectFiles: false,
    canSelectFolders: true,
    ...(defaultUri && { defaultUri }),
  });
  return picked?.[0];
}

/** Where nothing can be mounted, says what is missing and offers to do without. */
async function createOrOffer(
  context: Context,
  base: string,
  options: RequestOptions,
): Promise<WorkspaceInfo | undefined> {
  const driver = readSetting('mountDriver');
  try {
    return await create(context, base, driver === 'auto' ? undefined : driver, options);
  } catch (error) {
    if (driver === 'editor' || !isRefusedWith(error, 'unsupported')) throw error;
    const yes = l10n.t('Open in the Editor Only');
    const message = l10n.t('The folder cannot be mounted. Open the copy in the editor only?');
    const detail = l10n.t(
      '{0}\n\nWithout a mount you can browse, edit, search, review, commit and discard in this editor. Terminals, tasks and other programs do not see the copy.',
      error.message,
    );
    if ((await window.showWarningMessage(message, { modal: true, detail }, yes)) !== yes) return undefined;
    return create(context, base, 'editor', options);
  }
}

/** What is complete only after the user gave up on it is removed again. */
async function create(
  context: Context,
  base: string,
  driver: DriverName | undefined,
  { signal }: RequestOptions,
): Promise<WorkspaceInfo> {
  const info = await context.workspaces.create({
    bases: [base],
    driver,
    deltaThreshold: parseDeltaThreshold(readSetting('blockDeltaThreshold')),
  });
  if (!signal?.aborted) return info;
  await context.workspaces.remove(info.name, { force: true });
  throw new CowspaceError('cancelled', l10n.t('Cancelled.'));
}

/** Through its session where the window shows it, so that the window notices. Returns whether it is mounted now. */
async function mountFromHere(context: Context, { name }: Pick<WorkspaceInfo, 'name'>): Promise<boolean> {
  const session = context.sessions.named(name);
  const mounted = await context.operations.run(l10n.t('Mounting {0}', name), async () => {
    if (!session) return context.workspaces.mount(name);
    await session.mount();
    if (session.state === 'failed' && session.error) throw session.error;
    return session.config;
  });
  return mounted !== undefined;
}

/** Returns the error when programs use the mount. */
async function tryUnmount(context: Context, name: string): Promise<CowspaceError | undefined> {
  try {
    await context.workspaces.unmount(name);
    return undefined;
  } catch (error) {
    const reason = asCowspaceError(error);
    if (reason.code === 'busy') return reason;
    throw error;
  }
}

async function openFolder(folder: Uri, options: OpenOptions): Promise<void> {
  await commands.executeCommand('vscode.openFolder', folder, options);
}
