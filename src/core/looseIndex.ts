import { check, FsError } from '../sys/errno';
import { unlinkAt } from '../sys/file';
import { Stat, statAt } from '../sys/stat';
import type { BaseLinks } from './baseLinks';
import type { Changes } from './changes';
import type { Job } from './job';
import { pinOrphan } from './names';
import { carriesRecord } from './record';
import type { Union } from './union';

/**
 * Finds what shows base files with several names that were copied up and lost the last name which the scratch has of
 * them: the other names, which the list does not know yet. A copy that no name shows is deleted, because its key could
 * become that of another file. Ends early when the list is no longer up to date, as it tells where renamed directories
 * are.
 */
export function* settleLooseIndex(u: Union, changes: Changes, links: BaseLinks): Job<void> {
  const found: string[] = [];
  try {
    for (const key of u.looseIndex) {
      if (isLoose(u, key)) yield* links.read(key);
      if (changes.touched) return;
      if (isLoose(u, key)) found.push(...settle(u, changes, key, links.named(key)));
      u.looseIndex.delete(key);
      yield undefined;
    }
  } finally {
    for (const path of found) changes.touchPath(path);
  }
}

/** Returns the paths that show a copy; deletes it when there are none. @param names its paths in the bases */
function settle(u: Union, changes: Changes, key: string, names: readonly string[]): string[] {
  const paths = names.map((path) => changes.shownAt(path));
  const shown = paths.filter((path) => isShownAt(u, changes, path, key));
  if (shown.length === 0) forgetCopy(u, key);
  return shown;
}

const stat = new Stat();

/** Whether a copy has no name but that in the index. */
function isLoose(u: Union, key: string): boolean {
  return statAt(u.scratch.indexFd, key, stat) === 0 && stat.nlink === 1;
}

/** Whether a path shows this copy, or cannot be read. */
function isShownAt(u: Union, changes: Changes, path: string, key: string): boolean {
  try {
    const shown = changes.ifThere(path, (parent, name) => {
      const node = u.lookup(parent, name);
      if (node === null) return false;
      u.release(node);
      return node.indexKey === key;
    });
    return shown ?? false;
  } catch (error) {
    if (error instanceof FsError) return true;
    throw error;
  }
}

function forgetCopy(u: Union, key: string): void {
  for (const node of u.nodes.values()) {
    if (node.indexKey !== key) continue;
    if (node.upper) pinOrphan(u, node);
    node.indexKey = null;
    u.unlink(node);
  }
  const { indexFd, records } = u.scratch;
  check(statAt(indexFd, key, stat), key);
  const { ino, type } = stat;
  const delta = records.getSound(indexFd, key, type, ino)?.delta ?? null;
  check(unlinkAt(indexFd, key), key);
  u.indexed.delete(key);
  if (!carriesRecord(type)) records.forget(ino);
  if (delta !== null) u.deltas.remove(delta);
}
