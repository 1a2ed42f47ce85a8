import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
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
