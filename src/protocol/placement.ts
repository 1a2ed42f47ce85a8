import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CowspaceError, failedWith } from './errors';
import type { Home } from './home';
import { isWithin, realTarget } from './paths';
import { preparePrivateDirectory } from './privateDirectory';

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
 * @throws CowspaceError `overlap` when the bases leave no room; `unsupported` when others have access to it
 */
export async function placeWorkspace(
  home: Home,
  name: string,
  bases: readonly string[],
  given: { readonly mount?: string | undefined; readonly scratch?: string | undefined },
): Promise<Placement> {
  const { outside } = home;
  const places = {
    mount: [join(home.mounts, name), join(outside, 'mounts', name)],
    scratch: [join(home.workspaces, name, 'scratch'), join(outside, 'scratch', name)],
  };
  const choose = async (kind: 'mount' | 'scratch'): Promise<string> => {
    const wanted = given[kind];
    const place =
      wanted === undefined ? places[kind].find((path) => isOutside(path, bases)) : resolve(wanted);
    if (place !== undefined) {
      await securePlace(place, outside);
      return realTarget(place);
    }
    throw new CowspaceError(
      'overlap',
      `Every place where cowspace would put the ${kind} lies in ${bases.join(' or ')}. ` +
        'Choose one outside with --mount and --scratch, or a smaller base.',
    );
  };
  const [mount, scratch] = [await choose('mount'), await choose('scratch')];
  const made = { mount: !(await exists(mount)), scratch: !(await exists(scratch)) };
  return { mount, scratch, made, adopted: (await entriesOf(scratch)).length > 0 };
}

/**
 * Sees to it that nobody else has access to the folder outside of the home directory, if a place lies in it: links of
 * others could lead it anywhere.
 *
 * @param place absolute, as it was before links are followed
 * @param outside as in {@link Home}
 * @throws CowspaceError `unsupported`
 */
export async function securePlace(place: string, outside: string): Promise<void> {
  if (!isWithin(place, outside)) return;
  const why =
    'because others could lead your workspaces elsewhere. Have it removed, or choose folders of your own with --mount and ' +
    '--scratch.';
  await preparePrivateDirectory(outside, why);
}

function isOutside(path: string, bases: readonly string[]): boolean {
  return !bases.some((base) => isWithin(path, base));
}

/**
 * Refuses a scratch with the journals of a commit: the first start would obey them, in the bases and with the user's
 * rights, whoever wrote them.
 *
 * @throws CowspaceError `wrong-scratch`
 */
export async function refuseJournals(scratch: string, bases: readonly string[]): Promise<void> {
  const undo = await entriesOf(join(scratch, 'undo'));
  const journals = [
    ...(await entriesOf(scratch)).filter((name) => name === 'commit.json'),
    ...undo.map((name) => `undo/${name}`),
  ];
  if (journals.length === 0) return;
  throw new CowspaceError(
    'wrong-scratch',
    `A commit from the scratch ${scratch} was interrupted, and using it would end that in ${bases.join(', ')}: ` +
      'mount the workspace that it was made by instead. If there is none any more, see that these folders are as they ' +
      `should be, then delete ${journals.join(', ')} in the scratch.`,
    { path: scratch },
  );
}

async function entriesOf(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
