import { check } from '../sys/errno';
import { unlinkAt } from '../sys/file';
import { Stat, statAt } from '../sys/stat';
import { BaseLinks, pathOf } from './baseLinks';
import type { Changes } from './changes';
import { DamageError } from './damage';
import type { Job } from './job';
import { pinOrphan } from './names';
import { carriesRecord } from './record';
import type { Union } from './union';

/**
 * Finds what shows base files with several names that were copied up and lost the last name which the scratch has of
 * them: the other names, which the list does not know yet. A copy that no name shows is deleted, because its key could
 * become that of another file.
 */
export function* settleLooseIndex(u: Union, changes: Changes): Job<void> {
  const keys = [...u.looseIndex].filter((key) => isLoose(u, key));
  u.looseIndex.clear();
  if (keys.length === 0) return;
  const links = new BaseLinks(u);
  for (const key of keys) {
    const paths = links.named(key).map((place) => changes.shownAt(pathOf(place)));
    const shown = paths.filter((path) => isShownAt(u, changes, path, key));
    for (const path of shown) changes.touchPath(path);
    if (shown.length === 0) forgetCopy(u, key);
    yield undefined;
  }
}

const stat = new Stat();

/** Whether a copy has no name but that in the index. */
function isLoose(u: Union, key: string): boolean {
  return statAt(u.scratch.indexFd, key, stat) === 0 && stat.nlink === 1;
}

function isShownAt(u: Union, changes: Changes, path: string, key: string): boolean {
  const shown = changes.ifThere(path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return false;
    u.release(node);
    return node.indexKey === key;
  });
  return shown ?? false;
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
