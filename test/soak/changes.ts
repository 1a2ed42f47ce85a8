import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/**
 * Has something done, and waits for it to end or for directories to change more than so many times, as the kernel counts:
 * a file that is made, written and renamed is three changes and more.
 *
 * @param roots are watched with all directories that are below them when it begins
 */
export async function untilChanged(
  roots: readonly string[],
  times: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const watchers: FSWatcher[] = [];
  try {
    await new Promise<unknown>((resolve, reject) => {
      let changes = 0;
      for (const directory of roots.flatMap(directoriesFrom)) {
        watchers.push(watch(directory, () => ++changes > times && resolve(undefined)));
      }
      work().then(resolve, reject);
    });
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

function directoriesFrom(root: string): string[] {
  const below = readdirSync(root, { recursive: true, withFileTypes: true });
  const directories = below.filter((entry) => entry.isDirectory());
  return [root, ...directories.map(({ parentPath, name }) => join(parentPath, name))];
}
