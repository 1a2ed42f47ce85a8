import { check, FsError } from '../sys/errno';
import { unlinkAt } from '../sys/file';
import { Stat, statAt } from '../sys/stat';
import { BaseLinks, pathOf } from './baseLinks';
import type { Changes } from './changes';
import { DamageError } from './damage';
import { pinOrphan } from './names';
import { carriesRecord } from './record';
import type { Union } from './union';

/**
 * Finds what shows base files with several names that were copied up and lost the last name which the scratch has of
 * them: the other names, which the list does not know yet. A copy that no name shows is deleted, because its key could
 * become that of another file. To be called when the list is up to date, as it tells where renamed directories are.
 */
export function settleLooseIndex(u: Union, changes: Changes): void {
  if (changes.pending) return;
  const keys = [...u.looseIndex].filter((key) => isLoose(u, key));
  u.looseIndex.clear();
  if (keys.length === 0) return;
  const links = new BaseLinks(u);
  const found: string[] = [];
  for (const key of keys) {
    const paths = links.named(key).map((place) => changes.shownAt(pathOf(place)));
    const shown = paths.filter((path) => isShownAt(u, changes, path, key));
    found.push(...shown);
    if (shown.length === 0) forgetCopy(u, key);
  }
  for (const path of found) changes.touchPath(path);
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
  if (!isLoose(u, key)) return;
  const { ino, type } = stat;
  const { indexFd, records } = u.scratch;
  const delta = deltaIn(u, key);
  check(unlinkAt(indexFd, key), key);
  u.indexed.delete(key);
  if (!carriesRecord(type)) records.forget(ino);
  if (delta !== null) u.deltas.remove(delta);
}

/** Id of a copy's block map. */
function deltaIn(u: Union, key: string): string | null {
  try {
    return u.scratch.records.get(u.scratch.indexFd, key, stat.type, stat.ino)?.delta ?? null;
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}
