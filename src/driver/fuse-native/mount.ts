import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLevel } from '../../core/engine';
import type { FileSystem } from '../../core/filesystem';
import { CowspaceError } from '../../protocol/errors';
import { mountedWorkspaces } from '../../protocol/mounts';
import { toBytes } from '../../sys/bytes';
import { check } from '../../sys/errno';
import { mountRestrictions, MS_NOEXEC } from '../../sys/mount';
import { detach } from '../detach';
import type { Mount, MountOptions, Session } from '../driver';
import { loadBinding } from './binding';
import { FuseNativeSession } from './session';

/** Milliseconds between two looks at whether somebody else has unmounted. */
const WATCH_INTERVAL = 1000;
/** Longest mount point, in bytes, that the addon has room for. */
const MAX_MOUNT_POINT = 1023;

/**
 * What libfuse is told. Names and attributes are asked for each time, as nothing could tell the kernel that a commit,
 * discard or refresh has changed them; for the same reason a file's cached pages go whenever it is opened
 * (libfuse's default).
 */
const OPTIONS = [
  'subtype=cowspace',
  'default_permissions',
  'use_ino',
  'big_writes',
  'entry_timeout=0',
  'negative_timeout=0',
  'attr_timeout=0',
];

/**
 * Mounts by libfuse 2, which calls `fs` on the event loop of the main thread: the addon knows no other.
 *
 * @param mountPoint an absolute path, text
 * @throws CowspaceError `unsupported`
 */
export async function mountFuseNative(
  fs: FileSystem,
  mountPoint: string,
  { name, allowOther, bases }: MountOptions,
  log: (level: LogLevel, message: string) => void,
): Promise<{ session: Session; mount: Mount }> {
  if (allowOther) {
    throw unsupported(
      'The driver fuse-native cannot tell users apart, and so serves one only. Use the driver kernel.',
    );
  }
  if (Buffer.byteLength(mountPoint) > MAX_MOUNT_POINT) {
    throw unsupported(`The path of the mount point is too long for fuse-native: ${mountPoint}`);
  }
  const session = new FuseNativeSession(loadBinding(), fs, log);
  await access('/dev/fuse', constants.R_OK | constants.W_OK).catch((error: unknown) => {
    throw unsupported(`There is no FUSE for this process (${String(error)}).`);
  });
  try {
    const source = `fsname=${escape(`cowspace:${name}`)}`;
    session.mount(
      mountPoint,
      [source, ...OPTIONS, ...(bases.some(forbidsExecution) ? ['noexec'] : [])].join(','),
    );
  } catch {
    throw unsupported(
      `libfuse cannot mount at ${mountPoint}. In a container this needs the capability SYS_ADMIN; ` +
        'other users than root need the program fusermount (package fuse3 or fuse).',
    );
  }
  const mount = new FuseNativeMount(mountPoint, session);
  void mount.watch();
  return { session, mount };
}

class FuseNativeMount implements Mount {
  readonly #mountPoint: string;
  readonly #session: FuseNativeSession;
  #mounted = true;

  constructor(mountPoint: string, session: FuseNativeSession) {
    this.#mountPoint = mountPoint;
    this.#session = session;
  }

  async unmount(lazy: boolean): Promise<void> {
    await detach(this.#mountPoint, lazy);
    this.#end();
  }

  /** The kernel keeps no names and attributes, and the pages of a file until it is opened again. */
  async invalidate(): Promise<void> {
    // There is no way to make it forget those.
  }

  /** What programs write is here at once, but for what they write through shared mappings. */
  async writeBack(): Promise<void> {
    // By another process, as the event loop answers what this makes the kernel send.
    const sync = spawn('sync', ['--file-system', this.#mountPoint], { stdio: 'ignore' });
    await once(sync, 'close');
  }

  writeBackFile(): Promise<void> {
    return this.writeBack();
  }

  close(): void {
    this.#mounted = false;
  }

  /** Notices when somebody else unmounts. */
  async watch(): Promise<void> {
    while (this.#mounted) {
      await sleep(WATCH_INTERVAL, undefined, { ref: false });
      if (!(await mountedWorkspaces()).has(this.#mountPoint)) this.#end();
    }
  }

  #end(): void {
    this.#mounted = false;
    this.#session.end();
  }
}

/** Set-id and devices libfuse forbids by itself. */
function forbidsExecution(base: string): boolean {
  return (check(mountRestrictions(toBytes(base)), base) & MS_NOEXEC) !== 0;
}

/** In libfuse's list a comma ends an option. */
function escape(value: string): string {
  return value.replace(/[\\,]/g, '\\$&');
}

function unsupported(message: string): CowspaceError {
  return new CowspaceError('unsupported', message);
}
