import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failedWith } from './errors';

/** Whether `path` is `directory` or lies below it; both absolute and normalised. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

/** The real path of something that need not exist yet, or at which there is a mount that nobody serves. */
export async function realTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENOTCONN')) throw error;
    return join(await realTarget(dirname(path)), basename(path));
  }
}
