import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { getXattr, listXattr } from '../conformance/calls';

/** What two trees must have in common. */
export interface Content {
  /** By path: type, mode, contents, attributes, and the first name of the same file. */
  readonly entries: ReadonlyMap<string, string>;
  /** Link counts by path, without those of directories: not all file systems count subdirectories. */
  readonly links: ReadonlyMap<string, number>;
}

export function content(root: string): Content {
  const entries = new Map<string, string>();
  const links = new Map<string, number>();
  const firstNames = new Map<number, string>();
  const visit = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const entry = join(path, name);
      const stat = lstatSync(join(root, entry));
      if (!firstNames.has(stat.ino)) firstNames.set(stat.ino, entry);
      entries.set(entry, `${describe(join(root, entry), stat)} ${firstNames.get(stat.ino)}`);
      if (stat.isDirectory()) visit(entry);
      else links.set(entry, stat.nlink);
    }
  };
  visit('');
  return { entries, links };
}

function describe(path: string, stat: Stats): string {
  const mode = stat.mode.toString(8);
  if (stat.isSymbolicLink()) return `${mode} → ${readlinkSync(path)}`;
  const attributes = listXattr(path).map((name) => `${name}=${getXattr(path, name)?.toString()}`);
  if (!stat.isFile()) return [mode, ...attributes].join(' ');
  const hash = createHash('sha1').update(readFileSync(path)).digest('hex');
  return [mode, stat.size, hash, ...attributes].join(' ');
}
