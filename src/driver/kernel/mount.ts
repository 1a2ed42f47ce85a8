import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { CowspaceError } from '../../protocol/errors';
import { toBytes } from '../../sys/bytes';
import { E, FsError, check } from '../../sys/errno';
import { AT_FDCWD, close, O_NONBLOCK, O_RDWR, openAt, syncfsAsync } from '../../sys/file';
import {
  mount,
  mountRestrictions,
  MS_NODEV,
  MS_NOSUID,
  receiveDescriptor,
  socketPair,
} from '../../sys/mount';
import { setNonBlocking } from '../../sys/process';
import { detach } from '../detach';
import type { Invalidation, Mount, MountOptions } from '../driver';
import { isRoot, runFusermount } from '../fusermount';
import { Announcer } from './announcer';
import { Notifier } from './notify';

/** Shows as the file system's type, `fuse.cowspace`. */
const SUBTYPE = 'cowspace';
const NO_PRIVILEGES = MS_NOSUID | MS_NODEV;

/**
 * Mounts a FUSE file system that a KernelSession then serves; nothing at the mount point answers before it does.
 * Root mounts by itself, others through fusermount3.
 *
 * @param mountPoint an absolute path, text
 * @returns the non-blocking descriptor of `/dev/fuse`, which closes with the mount
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
  readonly #fd: number;
  readonly #notifier: Notifier;
  readonly #announcer: Announcer;
  readonly #mountPoint: string;
  #announced: Promise<void> = Promise.resolve();

  constructor(fd: number, mountPoint: string) {
    this.#fd = fd;
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

  /** On threads of the pool, as the engine has to answer meanwhile. */
  async writeBack(): Promise<void> {
    const directory = await open(this.#mountPoint, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      check(await syncfsAsync(directory.fd), this.#mountPoint);
    } finally {
      await directory.close();
    }
  }

  /** Forgetting the pages of a file makes the kernel write back those that are dirty. */
  writeBackFile(id: number, offset: number): Promise<void> {
    return this.invalidate([{ kind: 'inode', id, offset, length: 0 }]);
  }

  close(): void {
    close(this.#fd);
  }
}

function mountDirectly(mountPoint: string, options: MountOptions): number {
  const restrictions = (path: string): number => check(mountRestrictions(toBytes(path)), path);
  const flags = options.bases.reduce(
    (all, base) => all | restrictions(base),
    options.adopted ? NO_PRIVILEGES : restrictions(options.scratch) & NO_PRIVILEGES,
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
    const helper = runFusermount(['-o', list.join(','), '--', mountPoint], theirs);
    close(theirs);
    const { succeeded, message } = await helper;
    if (!succeeded) throw cannotMount(mountPoint, message);
    const fd = check(receiveDescriptor(ours), 'descriptor from fusermount3');
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
