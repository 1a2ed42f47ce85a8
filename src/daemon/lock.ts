import { CowspaceError } from '../protocol/errors';
import { lockFile } from '../protocol/registry';
import { toBytes } from '../sys/bytes';
import { check, E, FsError } from '../sys/errno';
import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_RDWR, openAt } from '../sys/file';
import { tryLock } from '../sys/process';

/**
 * Locks that this process holds for as long as it lives. The kernel drops them however it ends, so none is ever
 * left over.
 */

/**
 * Keeps other processes from working for the same workspace.
 *
 * @param directory the folder that describes the workspace
 * @throws CowspaceError `in-use`, with the lock file as its path
 */
export function lockWorkspace(directory: string): void {
  const file = lockFile(directory);
  const fd = check(openAt(AT_FDCWD, toBytes(file), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600), file);
  take(fd, file, 'The workspace is being mounted, used or removed by another process.');
}

/**
 * Keeps other workspaces from using the same scratch. The lock is on the folder itself, which might not be a scratch
 * yet and would not be touched then.
 *
 * @throws CowspaceError `in-use`; `unsupported` on a network file system
 */
export function lockScratch(scratch: string): void {
  const fd = check(openAt(AT_FDCWD, toBytes(scratch), O_RDONLY | O_DIRECTORY), scratch);
  take(
    fd,
    scratch,
    `The scratch ${scratch} is in use by another workspace. Unmount that one, or choose another scratch.`,
  );
}

function take(fd: number, path: string, inUse: string): void {
  const result = tryLock(fd);
  if (result === 0) return;
  if (result === -E.EWOULDBLOCK) throw new CowspaceError('in-use', inUse, { path });
  const { code } = new FsError(-result, path);
  throw new CowspaceError(
    'unsupported',
    `${path} cannot be locked (${code}): its file system is of no use for a scratch. Choose a folder on a local disk.`,
    { path },
  );
}
