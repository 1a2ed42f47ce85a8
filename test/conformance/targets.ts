import { mkdirSync } from 'node:fs';
import type { Places, Union } from '../../bench/peer';
import { fuseOverlayfs } from '../../bench/peers/fuseOverlayfs';
import { overlayfs } from '../../bench/peers/overlayfs';
import { Cowspace } from '../support/cowspace';

/** A file system under test. Where it is a union, its base is ready before it is mounted. */
export interface Target {
  /** Where the base's contents have to be made before the first mount. */
  baseOf(places: Places): string;
  union(places: Places): Union;
}

const names = ['ext4', 'overlayfs', 'fuse-overlayfs', 'cowspace'] as const;
export type TargetName = (typeof names)[number];
/** In the order of the table's columns. */
export const targetNames: readonly TargetName[] = names;

/** What every file system is compared with: a directory of the disk itself. Nothing in it has to be mounted. */
const plainDirectory: Target = {
  baseOf: ({ mount }) => mount,
  union: () => ({ mount: () => Promise.resolve(), unmount: () => Promise.resolve() }),
};

const WORKSPACE = 'conformance';

const cowspace: Target = {
  baseOf: ({ base }) => base,
  union({ base, scratch, mount, home }) {
    const commands = new Cowspace(home);
    const isRoot = process.getuid?.() === 0;
    const options = ['--name', WORKSPACE, '--mount', mount, '--scratch', scratch];
    let created = false;
    return {
      async mount() {
        if (created) await commands.mount(WORKSPACE);
        // An ordinary user may not let others in, and tests of other users need root anyway.
        else await commands.create([base], ...options, ...(isRoot ? ['--allow-other'] : []));
        created = true;
      },
      async unmount() {
        await commands.json(['unmount', WORKSPACE]);
      },
    };
  },
};

export const targets: Readonly<Record<TargetName, Target>> = {
  ext4: plainDirectory,
  overlayfs: { baseOf: ({ base }) => base, union: (places) => overlayfs.union(places) },
  'fuse-overlayfs': { baseOf: ({ base }) => base, union: (places) => fuseOverlayfs.union(places) },
  cowspace,
};

/** @throws when there is no such target */
export function parseTarget(text: string): TargetName {
  const name = names.find((each) => each === text);
  if (name === undefined) throw new Error(`no such target: ${text}; there are ${names.join(', ')}`);
  return name;
}

/** The empty directories that a target works with, all below `root`. */
export function makePlaces(root: string, home: string): Places {
  const places = { base: `${root}/base`, scratch: `${root}/scratch`, mount: `${root}/mount`, home };
  for (const directory of Object.values(places)) mkdirSync(directory, { recursive: true });
  return places;
}
