import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { getXattr, listXattr } from '../conformance/calls';

/**
 * What two trees must have in common: path → type, mode, contents, attributes, and the first name of the same file, with
 * its link count. Those of directories are left out: not all file systems count subdirectories.
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

function describe(path: string, stat: Stats): string {
  const mode = stat.mode.toString(8);
  if (stat.isSymbolicLink()) return `${mode} ${stat.nlink} → ${readlinkSync(path)}`;
  const attributes = listXattr(path).map((name) => `${name}=${getXattr(path, name)?.toString()}`);
  if (stat.isDirectory()) return [mode, ...attributes].join(' ');
  if (!stat.isFile()) return [mode, stat.nlink].join(' ');
  const hash = createHash('sha1').update(readFileSync(path)).digest('hex');
  return [mode, stat.nlink, stat.size, hash, ...attributes].join(' ');
}
