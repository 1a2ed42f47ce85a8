import { statfs } from 'node:fs/promises';
import { CowspaceError } from '../protocol/errors';
import { toBytes } from '../sys/bytes';
import { check, E } from '../sys/errno';
import { MNT_DETACH, unmount } from '../sys/mount';
import { isRoot, runFusermount } from './fusermount';

const FUSE_SUPER_MAGIC = 0x65735546;

/**
 * Unmounts. @param mountPoint text
 *
 * @param lazy also when programs use it
 * @throws CowspaceError `busy`
 */
export async function detach(mountPoint: string, lazy: boolean): Promise<void> {
  if (isRoot()) {
    const result = await unmount(toBytes(mountPoint), lazy ? MNT_DETACH : 0);
    if (result === -E.EBUSY) throw busy(mountPoint);
    // EINVAL: somebody else has unmounted it.
    if (result !== -E.EINVAL) check(result, `unmount ${mountPoint}`);
    return;
  }
  const { succeeded } = await runFusermount(['-u', ...(lazy ? ['-z'] : []), '--', mountPoint]);
  // The helper says why it failed in words only; a mount that is still there is in use.
  if (!succeeded && (await isMounted(mountPoint))) throw busy(mountPoint);
}

/**
 * Removes what a killed daemon left behind: a mount that nobody serves ("transport endpoint is not connected").
 *
 * @returns whether there was one
 */
export async function detachStale(mountPoint: string): Promise<boolean> {
  try {
    // Not stat: the kernel would answer it from its cache.
    await statfs(mountPoint);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN') return false;
  }
  await detach(mountPoint, true);
  return true;
}

function busy(mountPoint: string): CowspaceError {
  return new CowspaceError('busy', `${mountPoint} is in use: close what works in it and try again`, {
    path: mountPoint,
  });
}

async function isMounted(mountPoint: string): Promise<boolean> {
  try {
    return (await statfs(mountPoint)).type === FUSE_SUPER_MAGIC;
  } catch {
    return true;
  }
}
