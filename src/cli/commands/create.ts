import type { DriverName } from '../../protocol/messages';
import { driverNames } from '../../protocol/messages';
import { parseDeltaThreshold } from '../../protocol/deltaThreshold';
import { command } from '../command';
import { print } from '../context';

/** Options of everything that makes a workspace. */
export const creationOptions = {
  name: { value: 'name', description: "the workspace's name (default: after the folder)" },
  mount: {
    value: 'directory',
    description: 'where to mount it (default: below ~/.local/share/cowspace)',
    completes: ['directory'],
  },
  scratch: {
    value: 'directory',
    description: 'where to keep what changes (default: below ~/.local/share/cowspace)',
    completes: ['directory'],
  },
  driver: {
    value: 'driver',
    description: 'how to mount (default: kernel on Linux); editor: not at all, for VS Code alone',
    choices: driverNames,
  },
  deltaThreshold: {
    value: 'size',
    description:
      'from which size on only the changed blocks of a file are kept: bytes, 64K, 1M, 2G, or off (default: 1M)',
  },
  allowOther: { description: 'let other users enter the mount' },
} as const;

/** The value of `--delta-threshold`, if it was given. @throws CowspaceError `usage` */
export function parseOptional(deltaThreshold: string | undefined): number | null | undefined {
  return deltaThreshold === undefined ? undefined : parseDeltaThreshold(deltaThreshold);
}

export const create = command({
  name: 'create',
  summary: 'make a workspace over one or several folders, mount it, and print where',
  details:
    'The folders are not changed: what is written goes into the scratch. Of several folders, the first that has a ' +
    'file provides it; directories are merged.',
  arguments: { base: { description: 'folders to start from', count: 'many', completes: ['directory'] } },
  options: creationOptions,
  run: async (context, { base }, { driver, deltaThreshold, ...options }) => {
    const info = await context.workspaces.create({
      bases: base,
      ...options,
      driver: driver as DriverName | undefined,
      deltaThreshold: parseOptional(deltaThreshold),
    });
    print(context, info, () => (info.driver === 'editor' ? '' : info.mount));
    if (info.driver === 'editor') {
      context.terminal.note(`Not mounted: open ${info.name} in the Cowspace view of VS Code.`);
    }
    return 0;
  },
});
