import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What two trees must have in common: path → type, mode, contents, and the first name of the same file, with its link
 * count. Those of directories are left out: not all file systems count subdirectories.
 */
export function content(root: string): Map<string, string> {
  const entries = new Map<string, string>();
  const firstNames = new Map<number, string>();
  const visit = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const entry = join(path, name);
      const stat = lstatSync(join(root, entry));
      if (!firstNames.has(stat.ino)) firstNames.set(stat.ino, entry);
      entries.set(entry, `${describe(join(root, entry), stat)} ${firstNames.get(stat.ino)}`);
      if (stat.isDirectory()) visit(entry);
    }
  };
  visit('');
  return entries;
}

function describe(path: string, stat: ReturnType<typeof lstatSync> & object): string {
  const mode = stat.mode.toString(8);
  if (stat.isDirectory()) return mode;
  if (stat.isSymbolicLink()) return `${mode} ${stat.nlink} → ${readlinkSync(path)}`;
  if (!stat.isFile()) return `${mode} ${stat.nlink}`;
  const hash = createHash('sha1').update(readFileSync(path)).digest('hex');
  return `${mode} ${stat.nlink} ${stat.size} ${hash}`;
}
