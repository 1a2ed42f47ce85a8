import { readFile } from 'node:fs/promises';

/** Paths at which a cowspace workspace is mounted for this process, whether or not its daemon lives. */
export async function mountedWorkspaces(): Promise<Set<string>> {
  const table = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const mounts = new Set<string>();
  for (const line of table.split('\n')) {
    const [source, path] = line.split(' ');
    if (path !== undefined && source?.startsWith('cowspace:')) mounts.add(unescapeOctal(path));
  }
  return mounts;
}

/** The table writes spaces, tabs, newlines and backslashes as `\040` and so on. */
function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
