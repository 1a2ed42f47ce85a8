import { Stat } from '../sys/stat';
import type { Job } from './job';
import { linkKey } from './linkKeys';
import { names } from './listing';
import type { Node } from './node';
import { replaceName } from './settle';
import { dirOf, type Union } from './union';

/** How many directories are looked at between two chances for the mount to answer. */
const STEP = 64;

/** Looks whether the bases changed under the nodes in memory, and makes the driver forget what is no longer so. */
export function* refresh(u: Union): Job<void> {
  lookAgain(u);
  const directories = [...u.nodes.values()].filter((node) => node.dir !== null && !node.orphan);
  u.covered.doubt();
  let looked = 0;
  for (const node of directories) {
    if (node.orphan || !u.nodes.has(node.id)) continue;
    refreshDirectory(u, node);
    if (++looked % STEP === 0) yield undefined;
  }
}

/**
 * Finds the bases' directories again, as others may have moved or removed them or made some, and lets go of those that are
 * gone. Returns whether a directory in memory stands on other bases than before.
 */
export function lookAgain(u: Union): boolean {
  // They lead to what may have been moved or removed.
  u.dirFds.dropAll();
  if (!u.rebase()) return false;
  for (const node of [...u.nodes.values()]) {
    const { dir, orphan, parent, name } = node;
    if (dir === null || orphan || parent === null || !u.nodes.has(node.id)) continue;
    if (isStale(u, node, parent, name)) replaceName(u, parent, name);
  }
  return true;
}

const stat = new Stat();

function refreshDirectory(u: Union, parent: Node): void {
  const dir = dirOf(parent);
  if (dir.lowers.length === 0) return;
  for (const [name, node] of [...dir.children]) {
    if (!isStale(u, node, parent, name)) continue;
    replaceName(u, parent, name);
    // What other names show has fewer of them.
    u.invalidator.inode(node.id, -1, 0);
  }
  dir.listing = null;
  u.invalidator.inode(parent.id, 0, 0);
  // Drops what the kernel knows below the directory too, names that it looked for in vain included.
  if (parent.parent !== null) u.invalidator.entry(parent.parent, parent.name, true);
  else forgetMissed(u, parent);
}

/** No entry stands for the root: names that the kernel looked for in vain are dropped one by one, if they exist now. */
function forgetMissed(u: Union, root: Node): void {
  for (const name of names(u, root)) {
    if (!dirOf(root).children.has(name)) u.invalidator.entry(root, name, true);
  }
}

function isStale(u: Union, node: Node, parent: Node, name: string): boolean {
  const key = node.indexKey ?? node.linkedKey;
  if (key !== null && !u.upperNames(parent).has(name) && !isNameOf(u, key, parent, name)) return true;
  if (node.upper) return false;
  const first = node.dir?.lowers[0];
  const result = first === undefined ? u.statBase(node, stat) : u.statIn(first.parent!, first.name, stat);
  if (result < 0 || stat.type !== node.type) return true;
  if (node.dir !== null || node.seenSize < 0) return false;
  return stat.size !== node.seenSize || stat.mtime * 1e9 + stat.mtimeNsec !== node.seenMtime;
}

/** Whether the bases show the inode with this key in the index under a name. */
function isNameOf(u: Union, key: string, parent: Node, name: string): boolean {
  const lower = u.firstWith(dirOf(parent).lowers, name, stat);
  return lower !== undefined && linkKey(lower.layer, stat) === key;
}
