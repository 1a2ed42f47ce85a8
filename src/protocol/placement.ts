import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CowspaceError } from './errors';
import { type Home, outsideHome } from './home';
import { isWithin, realTarget } from './paths';

export interface Placement {
  /** Real paths. */
  readonly mount: string;
  readonly scratch: string;
  /** Which of the two were not there before. */
  readonly made: { readonly mount: boolean; readonly scratch: boolean };
  /** Whether the scratch has contents already. */
  readonly adopted: boolean;
}

/**
 * Decides where a new workspace goes: where the user wants it, else among cowspace's own folders, else, should they
 * lie in the base, outside the home directory.
 *
 * @param given as the user wrote them
 * @param bases real paths
 * @throws CowspaceError `overlap` when the bases leave no room
 */
export async function placeWorkspace(
  home: Home,
  name: string,
  bases: readonly string[],
  given: { readonly mount?: string | undefined; readonly scratch?: string | undefined },
): Promise<Placement> {
  const outside = outsideHome();
  const places = {
    mount: [join(home.mounts, name), join(outside, 'mounts', name)],
    scratch: [join(home.workspaces, name, 'scratch'), join(outside, 'scratch', name)],
  };
  const choose = (kind: 'mount' | 'scratch'): Promise<string> => {
    const wanted = given[kind];
    const place =
      wanted === undefined ? places[kind].find((path) => isOutside(path, bases)) : resolve(wanted);
    if (place !== undefined) return realTarget(place);
    throw new CowspaceError(
      'overlap',
      `Every place where cowspace would put the ${kind} lies in ${bases.join(' or ')}. ` +
        'Choose one outside with --mount and --scratch, or a smaller base.',
    );
  };
  const [mount, scratch] = [await choose('mount'), await choose('scratch')];
  const made = { mount: !(await exists(mount)), scratch: !(await exists(scratch)) };
  return { mount, scratch, made, adopted: !made.scratch && !(await isEmpty(scratch)) };
}

function isOutside(path: string, bases: readonly string[]): boolean {
  return !bases.some((base) => isWithin(path, base));
}

function isEmpty(path: string): Promise<boolean> {
  return readdir(path).then(
    (names) => names.length === 0,
    () => false,
  );
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
