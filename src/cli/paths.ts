import { basename, dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { CowspaceError } from '../protocol/errors';
import { isWithin, realTarget } from '../protocol/paths';

/**
 * Paths that a user gave, relative to the mount. Each may be absolute, or relative to the working directory when
 * that leads into the mount, else to the mount.
 *
 * @returns undefined for no paths, which mean everything
 * @throws CowspaceError `usage` for a path outside the mount
 */
export async function pathsInMount(paths: readonly string[], mount: string): Promise<string[] | undefined> {
  return paths.length === 0 ? undefined : Promise.all(paths.map((path) => pathInMount(path, mount)));
}

async function pathInMount(path: string, mount: string): Promise<string> {
  const absolute = resolve(path);
  // The last name may be a symbolic link that is itself what changed.
  const real = absolute === '/' ? absolute : join(await realTarget(dirname(absolute)), basename(absolute));
  for (const candidate of [absolute, real]) {
    if (isWithin(candidate, mount)) return candidate.slice(mount.length + 1);
  }
  const relative = normalize(path).replace(/\/$/, '');
  if (isAbsolute(path) || relative === '..' || relative.startsWith('../')) {
    throw new CowspaceError('usage', `${path} is not in the workspace, which is mounted at ${mount}.`, {
      path,
    });
  }
  return relative === '.' ? '' : relative;
}
