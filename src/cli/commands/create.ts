import type { DriverName } from '../../protocol/messages';
import { driverNames } from '../../protocol/messages';
import { command } from '../command';
import { print } from '../context';

/** Options of everything that makes a workspace. */
export const creationOptions = {
  name: { value: 'name', description: "the workspace's name (default: after the folder)" },
  mount: { value: 'directory', description: 'where to mount it (default: below ~/.local/share/cowspace)' },
  scratch: {
    value: 'directory',
    description: 'where to keep what changes (default: below ~/.local/share/cowspace)',
  },
  driver: { value: 'driver', description: 'how to mount', choices: driverNames },
  allowOther: { description: 'let other users enter the mount' },
} as const;

export const create = command({
  name: 'create',
  summary: 'make a workspace over one or several folders, mount it, and print where',
  details:
    'The folders are not changed: what is written goes into the scratch. Of several folders, the first that has a ' +
    'file provides it; directories are merged.',
  arguments: { base: { description: 'folders to start from', count: 'many' } },
  options: creationOptions,
  run: async (context, { base }, { driver, ...options }) => {
    const info = await context.workspaces.create({
      bases: base,
      ...options,
      driver: driver as DriverName | undefined,
    });
    print(context, info, () => info.mount);
    return 0;
  },
});
