import { lstat, mkdir } from 'node:fs/promises';
import { CowspaceError, failedWith } from './errors';

/**
 * Makes a folder that only its owner may enter, or finds it so. In a folder where everybody may make one, that tells
 * whether another user came first.
 *
 * @param why the rest of a sentence that says why, and what to do about it
 * @throws CowspaceError `unsupported` when others have access, or it is a link
 */
export async function preparePrivateDirectory(path: string, why: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    // Something else is there, or a link that leads nowhere.
    if (!failedWith(error, 'EEXIST', 'ENOENT')) throw error;
  });
  const stat = await lstat(path);
  if (stat.isDirectory() && stat.uid === process.getuid!() && (stat.mode & 0o077) === 0) return;
  throw new CowspaceError(
    'unsupported',
    `${path} must be a folder of yours that only you can enter (mode 0700), ${why}`,
    { path },
  );
}
