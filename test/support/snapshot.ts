import { createHash } from 'node:crypto';
import { constants, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * All that a person can tell apart in a tree: path → type, mode, owner, times and contents. Two snapshots of a tree
 * that nobody touched are deeply equal.
 * @param skip names of entries to leave out, wherever they are
 */
export function snapshot(directory: string, skip: readonly string[] = []): Map<string, string> {
  const entries = new Map<string, string>();
  const visit = (path: string): void => {
    for (const name of readdirSync(join(directory, path)).sort()) {
      if (skip.includes(name)) continue;
      const entry = join(path, name);
      entries.set(entry, describe(join(directory, entry)));
      if (lstatSync(join(directory, entry)).isDirectory()) visit(entry);
    }
  };
  visit('');
  return entries;
}

function describe(path: string): string {
  const stat = lstatSync(path, { bigint: true });
  const common = [stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeNs].join(' ');
  if (stat.isSymbolicLink()) return `${common} → ${readlinkSync(path)}`;
  if (!stat.isFile()) return common;
  return `${common} ${stat.size} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/** As {@link snapshot}, without owners and times, but with the link counts of files. */
export function tree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    const { mode, nlink } = lstatSync(join(root, path));
    const type = mode & constants.S_IFMT;
    const contents =
      type === constants.S_IFREG
        ? `${nlink} ${readFileSync(join(root, path), 'utf8')}`
        : type === constants.S_IFLNK
          ? readlinkSync(join(root, path))
          : '';
    found.set(path, `${mode.toString(8)} ${contents}`);
  }
  return found;
}
