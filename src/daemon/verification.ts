import { stat } from 'node:fs/promises';
import { failedWith } from '../protocol/errors';
import type { Damage } from '../protocol/messages';
import { logFile, readConfig } from '../protocol/registry';
import { lockScratch, lockWorkspace } from './lock';
import { Log } from './log';
import { finish, openUnmounted } from './unmountedEngine';

/**
 * Looks for files of a workspace that is not mounted whose contents cannot be had.
 *
 * @param directory the folder that describes the workspace
 * @throws CowspaceError `in-use`
 */
export async function verifyWorkspace(directory: string): Promise<Damage[]> {
  lockWorkspace(directory);
  const config = await readConfig(directory);
  if (!(await exists(config.scratch))) return [];
  lockScratch(config.scratch);
  const log = new Log(logFile(directory));
  const engine = openUnmounted(config, (level, message) => {
    log[level](message);
  });
  try {
    return finish(engine.verify());
  } finally {
    engine.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}
