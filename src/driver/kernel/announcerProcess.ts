import { toBytes } from '../../sys/bytes';
import { E } from '../../sys/errno';
import { AT_FDCWD, AT_REMOVEDIR, mkdirAt, mknodAt, renameAt, symlinkAt, unlinkAt } from '../../sys/file';
import { S_IFREG, Stat, statAt } from '../../sys/stat';
import type { AnnouncerTask, EntryInvalidation } from './announcer';
import { STAGING_NAME, stagedName } from './stagedName';

/** Milliseconds without work after which the process ends; it is started again when there is need. */
const IDLE = 30_000;

/** Announced paths at which something is. */
let existing: string[] = [];

/** Does in the mount what has happened there already; each call is answered by Staging. */
function announce(mountPoint: string, entry: EntryInvalidation): void {
  const path = [mountPoint, entry.parentPath, entry.name].filter((part) => part !== '').join('/');
  if (!entry.stays) {
    const staged = `${mountPoint}/${STAGING_NAME}/${stagedName(entry)}`;
    const result = stage(staged);
    if (result === -E.ENOENT) {
      remove(path);
      return;
    }
    if (result === 0 && move(staged, path) < 0) remove(staged);
    // Some program has found it before.
    if (result === -E.EEXIST && move(path, staged) === 0) move(staged, path);
  }
  existing.push(path);
}

function stage(path: string): number {
  const result = mknodAt(AT_FDCWD, path, S_IFREG | 0o600, 0);
  if (result === -E.EISDIR) return mkdirAt(AT_FDCWD, path, 0o700);
  if (result === -E.ELOOP) return symlinkAt('.', AT_FDCWD, path);
  return result;
}

function move(from: string, to: string): number {
  return renameAt(AT_FDCWD, from, AT_FDCWD, to);
}

function remove(path: string): void {
  if (unlinkAt(AT_FDCWD, path) === -E.EISDIR) unlinkAt(AT_FDCWD, path, AT_REMOVEDIR);
}

const stat = new Stat();

function revisit(): void {
  for (const path of existing) statAt(AT_FDCWD, path, stat);
  existing = [];
}

const idle = setTimeout(() => process.exit(), IDLE);
process.on('disconnect', () => process.exit());
process.on('message', (task: AnnouncerTask) => {
  if (task.kind === 'announce') {
    for (const entry of task.entries) announce(toBytes(task.mountPoint), entry);
  } else {
    revisit();
  }
  process.send!('done');
  idle.refresh();
});
