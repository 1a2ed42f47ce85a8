import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { CowspaceError, failedWith } from '../protocol/errors';
import { mountedWorkspaces } from '../protocol/mounts';
import { isWithin, realTarget } from '../protocol/paths';
import { securePlace } from '../protocol/placement';

export interface Locations {
  readonly bases: readonly string[];
  readonly mount: string;
  readonly scratch: string;
}

/**
 * Resolves symbolic links in a workspace's locations and refuses those that cannot work together.
 *
 * @param outside see `Home.outside`
 * @throws CowspaceError `not-found`, `usage`, `overlap`, `unsupported`
 */
export async function checkLocations(given: Locations, outside: string): Promise<Locations> {
  for (const place of [given.mount, given.scratch]) await securePlace(place, outside);
  const bases = await Promise.all(given.bases.map(realBase));
  const mount = await realTarget(given.mount);
  const scratch = await realTarget(given.scratch);
  for (const base of bases) {
    refuseOverlap('mount point', mount, 'base', base, 'Choose another mount point with --mount.');
    refuseOverlap('scratch', scratch, 'base', base, 'Choose another scratch with --scratch.');
  }
  refuseOverlap('mount point', mount, 'scratch', scratch, 'Choose other folders with --mount and --scratch.');
  const twice = bases.find((base, i) => bases.indexOf(base) !== i);
  if (twice !== undefined)
    throw new CowspaceError('usage', `The base ${twice} is given twice.`, { path: twice });
  return { bases, mount, scratch };
}

/**
 * Makes the mount point unless it is there; it has to be empty. A mount that a killed daemon left must be gone.
 *
 * @throws CowspaceError `in-use`, `not-empty`
 */
export async function prepareMountPoint(mount: string): Promise<void> {
  if ((await mountedWorkspaces()).has(mount)) {
    throw new CowspaceError(
      'in-use',
      `Another workspace is mounted at ${mount}. Unmount it, or choose another mount point.`,
      {
        path: mount,
      },
    );
  }
  try {
    await mkdir(mount, { recursive: true, mode: 0o700 });
    if ((await readdir(mount)).length === 0) return;
  } catch (error) {
    if (!failedWith(error, 'EEXIST', 'ENOTDIR')) throw error;
    throw new CowspaceError('not-empty', `The mount point ${mount} is not a folder.`, { path: mount });
  }
  throw new CowspaceError(
    'not-empty',
    `The mount point ${mount} is not empty: a mount would hide what it holds. Choose an empty or new folder with --mount.`,
    { path: mount },
  );
}

async function realBase(path: string): Promise<string> {
  const real = await realpath(path).catch((error: unknown) => {
    if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new CowspaceError(
      'not-found',
      `The base ${path} does not exist. Put it back where it was, or remove the workspace.`,
      { path },
    );
  });
  if ((await stat(real)).isDirectory()) return real;
  throw new CowspaceError('usage', `The base ${real} is not a folder.`, { path: real });
}

function refuseOverlap(what: string, path: string, otherWhat: string, other: string, advice: string): void {
  const message = isWithin(path, other)
    ? `The ${what} ${path} lies inside the ${otherWhat} ${other}.`
    : isWithin(other, path)
      ? `The ${otherWhat} ${other} lies inside the ${what} ${path}.`
      : undefined;
  if (message !== undefined) throw new CowspaceError('overlap', `${message} ${advice}`, { path });
}
