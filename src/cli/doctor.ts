import { access, constants, readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { asCowspaceError, failedWith } from '../protocol/errors';
import { mountedWorkspaces } from '../protocol/mounts';
import { isAlive } from '../protocol/processes';
import type { Registry } from '../protocol/registry';
import type { Workspaces } from '../protocol/workspaces';
import { findOnPath } from './programs';
import { path } from './text';

/** One thing that was looked at. */
export interface Check {
  /** Stable, for scripts. */
  readonly id: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** Oldest versions that work. */
const OLDEST_NODE = [20, 19] as const;
/** The first with `openat2`. */
const OLDEST_KERNEL = [5, 6] as const;
const S_ISUID = 0o4000;
/** Editors watch each directory; below this, opening a large folder tends to use them up. */
const FEW_WATCHES = 65_536;

/** Looks at everything that workspaces depend on. */
export async function examine(workspaces: Workspaces): Promise<Check[]> {
  return [
    checkNode(process.versions.node),
    checkKernel(process.platform, release()),
    await checkDevice(),
    ...(await checkHelper()),
    ...(await checkStorage(workspaces)),
    ...(await checkWatches()),
    ...(await checkWorkspaces(workspaces)),
  ];
}

export function checkNode(version: string): Check {
  const id = 'node';
  if (isAtLeast(version, OLDEST_NODE)) return { id, level: 'ok', message: `Node.js ${version}` };
  return {
    id,
    level: 'fail',
    message: `Node.js ${version} is too old`,
    advice: `Install Node.js ${OLDEST_NODE.join('.')} or newer.`,
  };
}

export function checkKernel(platform: string, version: string): Check {
  const id = 'kernel';
  const message = `${platform} ${version}`;
  if (platform !== 'linux') {
    return { id, level: 'fail', message, advice: 'This version of cowspace mounts on Linux only.' };
  }
  if (isAtLeast(version, OLDEST_KERNEL)) return { id, level: 'ok', message };
  return { id, level: 'fail', message, advice: `Linux ${OLDEST_KERNEL.join('.')} or newer is needed.` };
}

function isAtLeast(version: string, oldest: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => parseInt(part));
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

async function checkDevice(): Promise<Check> {
  const id = 'fuse';
  try {
    await access('/dev/fuse', constants.R_OK | constants.W_OK);
    return { id, level: 'ok', message: '/dev/fuse can be opened' };
  } catch (error) {
    return failedWith(error, 'ENOENT')
      ? {
          id,
          level: 'fail',
          message: 'There is no /dev/fuse',
          advice:
            'Load the kernel module (modprobe fuse), or pass the device into the container ' +
            '(docker run --device /dev/fuse --cap-add SYS_ADMIN).',
        }
      : {
          id,
          level: 'fail',
          message: '/dev/fuse may not be opened by you',
          advice: 'Its mode should be 0666: as root, chmod 666 /dev/fuse.',
        };
  }
}

/** Root mounts by itself. */
async function checkHelper(): Promise<Check[]> {
  const id = 'fusermount3';
  if (process.getuid?.() === 0) return [];
  const file = await findOnPath('fusermount3');
  if (file === null) {
    return [
      {
        id,
        level: 'fail',
        message: 'fusermount3 is not installed',
        advice: 'Install the package fuse3 (apt install fuse3, dnf install fuse3, apk add fuse3).',
      },
    ];
  }
  const { mode, uid } = await stat(file);
  if (uid === 0 && (mode & S_ISUID) !== 0) return [{ id, level: 'ok', message: `${file} mounts for you` }];
  return [
    {
      id,
      level: 'fail',
      message: `${file} is not set-user-id root`,
      advice: `As root: chown root ${file} && chmod u+s ${file}`,
    },
  ];
}

/** What takes system calls to find out; that they can be made at all is a check too. */
async function checkStorage(workspaces: Workspaces): Promise<Check[]> {
  const place = workspaces.home.workspaces;
  try {
    const { xattrs, deviceWhiteouts, reflinks } = await workspaces.probe();
    return [
      { id: 'native', level: 'ok', message: 'System calls can be made (koffi)' },
      xattrs
        ? { id: 'xattrs', level: 'ok', message: `${place} takes extended attributes` }
        : {
            id: 'xattrs',
            level: 'fail',
            message: `${place} takes no extended attributes`,
            advice: 'Keep scratches elsewhere: --scratch, or COWSPACE_HOME for everything.',
          },
      {
        id: 'whiteouts',
        level: 'ok',
        message: `Whiteouts there are ${deviceWhiteouts ? 'device files' : 'extended attributes'}`,
      },
      {
        id: 'reflinks',
        level: 'ok',
        message: reflinks ? 'Changed files there share blocks with the base' : 'No reflinks there',
      },
    ];
  } catch (error) {
    return [
      {
        id: 'native',
        level: 'fail',
        message: `System calls cannot be made: ${asCowspaceError(error).message}`,
        advice: 'Install cowspace anew, for this processor and operating system.',
      },
    ];
  }
}

async function checkWatches(): Promise<Check[]> {
  const id = 'inotify';
  const text = await readFile('/proc/sys/fs/inotify/max_user_watches', 'utf8').catch(() => null);
  if (text === null) return [];
  const watches = Number(text);
  const message = `Programs may watch ${watches} directories`;
  if (watches >= FEW_WATCHES) return [{ id, level: 'ok', message }];
  return [
    {
      id,
      level: 'warn',
      message: `${message}, which large folders use up`,
      advice: 'As root: sysctl fs.inotify.max_user_watches=524288',
    },
  ];
}

async function checkWorkspaces(workspaces: Workspaces): Promise<Check[]> {
  const mounts = await mountedWorkspaces();
  const checks: Check[] = [];
  for (const name of await workspaces.registry.names()) {
    const found = await checkWorkspace(workspaces.registry, name, mounts);
    checks.push(...(found.length > 0 ? found : await checkFiles(workspaces, name)));
  }
  return checks;
}

/** Files of a workspace whose contents cannot be had. */
async function checkFiles(workspaces: Workspaces, name: string): Promise<Check[]> {
  try {
    const damages = await workspaces.verify(name);
    return damages.map((damage) => ({
      id: 'damage',
      level: 'fail',
      message: `${name}: ${path(damage.path)}: ${damage.reason}`,
      advice: `Put back what was changed, or take the base's again: cowspace discard ${name} ${path(damage.path)}`,
    }));
  } catch (error) {
    return [{ id: 'damage', level: 'warn', message: `${name}: ${asCowspaceError(error).message}` }];
  }
}

async function checkWorkspace(
  registry: Registry,
  name: string,
  mounts: ReadonlySet<string>,
): Promise<Check[]> {
  const id = 'workspace';
  try {
    const { bases, mount } = await registry.read(name);
    const gone = await findMissing(bases);
    if (gone !== undefined) {
      return [
        {
          id,
          level: 'warn',
          message: `The base ${gone} of ${name} is gone`,
          advice: `Put it back, or delete the workspace: cowspace remove --force ${name}`,
        },
      ];
    }
    const pid = (await registry.readState(name))?.pid;
    if (!mounts.has(mount) || (pid != null && (await isAlive(pid)))) return [];
    return [
      {
        id,
        level: 'warn',
        message: `The daemon of ${name} was killed`,
        advice: `Nothing that was written and closed is lost: cowspace mount ${name}`,
      },
    ];
  } catch (error) {
    return [{ id, level: 'warn', message: `${name}: ${asCowspaceError(error).message}` }];
  }
}

async function findMissing(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    if (
      !(await stat(folder).then(
        (found) => found.isDirectory(),
        () => false,
      ))
    )
      return folder;
  }
  return undefined;
}
