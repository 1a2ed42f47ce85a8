import { spawn } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { CowspaceError } from '../../protocol/errors';
import { toBytes } from '../../sys/bytes';
import { E, FsError, check } from '../../sys/errno';
import { AT_FDCWD, close, O_NONBLOCK, O_RDWR, openAt } from '../../sys/file';
import {
  MNT_DETACH,
  mount,
  mountRestrictions,
  MS_NODEV,
  MS_NOSUID,
  receiveDescriptor,
  socketPair,
  unmount,
} from '../../sys/mount';
import { setNonBlocking } from '../../sys/process';
import type { Invalidation, Mount } from '../driver';
import { Announcer } from './announcer';
import { Notifier } from './notify';

const HELPER = 'fusermount3';
/** Shows as the file system's type, `fuse.cowspace`. */
const SUBTYPE = 'cowspace';
const FUSE_SUPER_MAGIC = 0x65735546;

export interface MountOptions {
  /** The workspace's name: the mount's source is `cowspace:NAME`. */
  name: string;
  /** Other users may enter too, with the rights that modes give them. */
  allowOther: boolean;
  /** Folders, text: what the mounts that hold them forbid (set-id, devices, execution), the new mount forbids too. */
  bases: readonly string[];
  /** A folder, text: set-id and devices that the mount which holds it forbids, the new mount forbids too. */
  scratch: string;
}

/**
 * Mounts a FUSE file system that a KernelSession then serves; nothing at the mount point answers before it does.
 * Root mounts by itself, others through fusermount3.
 *
 * @param mountPoint an absolute path, text
 * @returns the non-blocking descriptor of `/dev/fuse`, to be closed when mount and session have ended
 * @throws CowspaceError `unsupported`
 */
export async function mountKernel(
  mountPoint: string,
  options: MountOptions,
): Promise<{ fd: number; mount: Mount }> {
  const fd = isRoot() ? mountDirectly(mountPoint, options) : await mountByHelper(mountPoint, options);
  return { fd, mount: new KernelMount(fd, mountPoint) };
}

class KernelMount implements Mount {
  readonly #notifier: Notifier;
  readonly #announcer: Announcer;
  readonly #mountPoint: string;
  #announced: Promise<void> = Promise.resolve();

  constructor(fd: number, mountPoint: string) {
    this.#notifier = new Notifier(fd);
    this.#announcer = new Announcer(mountPoint);
    this.#mountPoint = mountPoint;
  }

  async unmount(lazy: boolean): Promise<void> {
    await detach(this.#mountPoint, lazy);
    this.#announcer.stop();
  }

  async invalidate(list: readonly Invalidation[]): Promise<void> {
    const entries = list.filter((each) => each.kind === 'entry');
    if (entries.length === 0) return this.#notifier.send(list);
    const announced = this.#announced.then(() =>
      this.#announcer.around(entries, () => this.#notifier.send(list)),
    );
    this.#announced = announced.catch(() => undefined);
    return announced;
  }
}

/**
 * Removes what a killed daemon left behind: a mount that nobody serves ("transport endpoint is not connected").
 *
 * @returns whether there was one
 */
export async function detachStale(mountPoint: string): Promise<boolean> {
  try {
    // Not stat: the kernel would answer it from its cache.
    await statfs(mountPoint);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN') return false;
  }
  await detach(mountPoint, true);
  return true;
}

function isRoot(): boolean {
  return process.geteuid!() === 0;
}

function mountDirectly(mountPoint: string, options: MountOptions): number {
  const restrictions = (path: string): number => check(mountRestrictions(toBytes(path)), path);
  const flags = options.bases.reduce(
    (all, base) => all | restrictions(base),
    restrictions(options.scratch) & (MS_NOSUID | MS_NODEV),
  );
  const fd = openAt(AT_FDCWD, '/dev/fuse', O_RDWR | O_NONBLOCK);
  if (fd < 0) {
    throw new CowspaceError(
      'unsupported',
      `cannot open /dev/fuse (${new FsError(-fd, 'open').code}): the kernel module "fuse" must be loaded, and a ` +
        'container needs the device passed in (docker run --device /dev/fuse --cap-add SYS_ADMIN)',
    );
  }
  const data = [
    `fd=${fd}`,
    'rootmode=40000',
    `user_id=${process.getuid!()}`,
    `group_id=${process.getgid!()}`,
    ...commonOptions(options),
  ];
  const result = mount(
    toBytes(source(options)),
    toBytes(mountPoint),
    `fuse.${SUBTYPE}`,
    flags,
    data.join(','),
  );
  if (result === 0) return fd;
  close(fd);
  const hint = result === -E.EPERM ? ' (in a container this needs the capability SYS_ADMIN)' : '';
  throw cannotMount(mountPoint, new FsError(-result, 'mount').code + hint);
}

/** The helper, which is set-user-id root, mounts and hands the descriptor over a socket. */
async function mountByHelper(mountPoint: string, options: MountOptions): Promise<number> {
  const pair = socketPair();
  if (typeof pair === 'number') throw new FsError(-pair, 'socketpair');
  const [ours, theirs] = pair;
  const list = [`fsname=${escape(source(options))}`, `subtype=${SUBTYPE}`, ...commonOptions(options)];
  try {
    const helper = runHelper(['-o', list.join(','), '--', mountPoint], theirs);
    close(theirs);
    const { succeeded, message } = await helper;
    if (!succeeded) throw cannotMount(mountPoint, message);
    const fd = check(receiveDescriptor(ours), `descriptor from ${HELPER}`);
    check(setNonBlocking(fd), 'fcntl');
    return fd;
  } finally {
    close(ours);
  }
}

function source(options: MountOptions): string {
  return `cowspace:${options.name}`;
}

function commonOptions(options: MountOptions): string[] {
  return ['default_permissions', ...(options.allowOther ? ['allow_other'] : [])];
}

/** In the helper's list a comma ends an option. */
function escape(value: string): string {
  return value.replace(/[\\,]/g, '\\$&');
}

function cannotMount(mountPoint: string, reason: string): CowspaceError {
  return new CowspaceError('unsupported', `cannot mount at ${mountPoint}: ${reason}`, { path: mountPoint });
}

async function detach(mountPoint: string, lazy: boolean): Promise<void> {
  if (isRoot()) {
    const result = await unmount(toBytes(mountPoint), lazy ? MNT_DETACH : 0);
    if (result === -E.EBUSY) throw busy(mountPoint);
    // EINVAL: somebody else has unmounted it.
    if (result !== -E.EINVAL) check(result, `unmount ${mountPoint}`);
    return;
  }
  const { succeeded } = await runHelper(['-u', ...(lazy ? ['-z'] : []), '--', mountPoint]);
  // The helper says why it failed in words only; a mount that is still there is in use.
  if (!succeeded && (await isMounted(mountPoint))) throw busy(mountPoint);
}

function busy(mountPoint: string): CowspaceError {
  return new CowspaceError('busy', `${mountPoint} is in use: close what works in it and try again`, {
    path: mountPoint,
  });
}

async function isMounted(mountPoint: string): Promise<boolean> {
  try {
    return (await statfs(mountPoint)).type === FUSE_SUPER_MAGIC;
  } catch {
    return true;
  }
}

/**
 * Runs fusermount3; its descriptor 3 is `socket`. `message` is what it printed.
 *
 * @throws CowspaceError `unsupported` when it is not installed
 */
function runHelper(
  args: readonly string[],
  socket?: number,
): Promise<{ succeeded: boolean; message: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(HELPER, args, {
      stdio: ['ignore', 'ignore', 'pipe', socket ?? 'ignore'],
      env: { ...process.env, _FUSE_COMMFD: '3' },
    });
    let message = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (message += text));
    child.once('error', (error) => {
      reject(
        new CowspaceError(
          'unsupported',
          `cannot run ${HELPER} (${error.message}): install the package fuse3`,
        ),
      );
    });
    child.once('close', (status) => {
      resolve({ succeeded: status === 0, message: message.trim() });
    });
  });
}
