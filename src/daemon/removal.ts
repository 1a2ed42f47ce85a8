import { lstat, rmdir } from 'node:fs/promises';
import type { Engine } from '../core/engine';
import { deleteScratch } from '../core/scratch';
import { detachStale } from '../driver/detach';
import { asCowspaceError, CowspaceError, failedWith } from '../protocol/errors';
import { mountedWorkspaces } from '../protocol/mounts';
import { readConfig, type WorkspaceConfig } from '../protocol/registry';
import { changesError } from '../protocol/workspaces';
import { lockScratch, lockWorkspace } from './lock';
import { finish, openUnmounted } from './unmountedEngine';

/**
 * Takes away the mount of a daemon that was killed.
 *
 * @param directory the folder that describes the workspace
 * @throws CowspaceError `in-use` when the daemon lives
 */
export async function releaseWorkspace(directory: string): Promise<{ released: boolean }> {
  lockWorkspace(directory);
  const { mount } = await readConfig(directory);
  return { released: (await mountedWorkspaces()).has(mount) && (await detachStale(mount)) };
}

/**
 * Deletes scratch and mount point of a workspace that is not mounted, except folders that were there before it.
 *
 * @param force also when there are changes
 * @throws CowspaceError `not-empty` when there are changes, `in-use`
 */
export async function removeWorkspace(directory: string, force: boolean): Promise<void> {
  lockWorkspace(directory);
  const config = await readConfig(directory);
  if (await exists(config.scratch)) {
    lockScratch(config.scratch);
    if (!force) refuseChanges(config);
    deleteScratch(config.scratch);
    if (config.made.scratch) await removeEmpty(config.scratch);
  }
  if (config.made.mount) await removeEmpty(config.mount);
}

function refuseChanges({ name, bases, scratch }: WorkspaceConfig): void {
  const engine = openEngine(name, bases, scratch);
  try {
    finish(engine.changes.update());
    const { changes } = engine.changes.list();
    if (changes.length > 0) throw changesError(name, changes.length);
  } finally {
    engine.close();
  }
}

function openEngine(name: string, bases: string[], scratch: string): Engine {
  try {
    return openUnmounted({ bases, scratch });
  } catch (error) {
    const { code, message } = asCowspaceError(error);
    const advice = `To remove the workspace with whatever is in its scratch: cowspace remove --force ${name}`;
    throw new CowspaceError(code, `Whether there are changes cannot be told. ${message}\n${advice}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** What others put into it, or mounted on it, keeps a folder. */
async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENOTEMPTY', 'EBUSY')) throw error;
  }
}
