import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { runChecked, runCommand } from './command';
import type { Sandbox } from './sandbox';

export interface ImageOptions {
  /** Further arguments of mkfs. */
  readonly mkfs?: readonly string[];
  /** Options of the mount besides `loop`. */
  readonly mount?: string;
  /** Of the image and of where it is mounted; default: the type. */
  readonly name?: string;
}

/**
 * Makes a file system in a file of the sandbox and mounts it; returns where. It goes with the sandbox. Skips the
 * running test, with the reason printed, where that cannot be done.
 *
 * @param size bytes
 */
export async function mountImage(
  context: Mocha.Context,
  sandbox: Sandbox,
  type: 'ext4' | 'xfs' | 'btrfs' | 'vfat',
  size: number,
  options: ImageOptions = {},
): Promise<string> {
  if (process.getuid?.() !== 0) skip(context, 'only root mounts images');
  const mkfs = `mkfs.${type}`;
  if (spawnSync(mkfs, ['-V']).error) skip(context, `${mkfs} is missing`);
  const { name = type } = options;
  const image = sandbox.path(`${name}.img`);
  const fd = openSync(image, 'wx');
  ftruncateSync(fd, size);
  closeSync(fd);
  const quiet = type === 'vfat' ? [] : ['-q'];
  await runChecked(mkfs, [...quiet, ...(options.mkfs ?? []), image]);
  const mount = sandbox.path(name);
  mkdirSync(mount);
  await makeLoopNodes();
  const mountOptions = ['loop', ...(options.mount === undefined ? [] : [options.mount])].join(',');
  const mounted = await runCommand('mount', ['-o', mountOptions, image, mount]);
  if (mounted.code !== 0) skip(context, mounted.stderr.trim());
  sandbox.onDispose(async () => {
    await runChecked('umount', ['--lazy', mount]);
  });
  return mount;
}

/** A container often lacks the nodes of loop devices that its kernel has. `mount` reports what fails here. */
async function makeLoopNodes(): Promise<void> {
  if (!existsSync('/dev/loop-control')) await runCommand('mknod', ['/dev/loop-control', 'c', '10', '237']);
  const device = (await runCommand('losetup', ['--find'])).stdout.trim();
  const number = /^\/dev\/loop(\d+)$/.exec(device)?.[1];
  if (number !== undefined && !existsSync(device)) await runCommand('mknod', [device, 'b', '7', number]);
}

function skip(context: Mocha.Context, reason: string): never {
  console.log(`      skipped: ${reason}`);
  context.skip();
}
