import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { runChecked, runCommand } from './command';
import type { Sandbox } from './sandbox';

/**
 * Makes a file system in a file of the sandbox and mounts it; returns where. It goes with the sandbox. Skips the
 * running test, with the reason printed, where that cannot be done.
 *
 * @param size bytes
 */
export async function mountImage(
  context: Mocha.Context,
  sandbox: Sandbox,
  type: 'ext4' | 'xfs' | 'btrfs',
  size: number,
): Promise<string> {
  if (process.getuid?.() !== 0) skip(context, 'only root mounts images');
  const mkfs = `mkfs.${type}`;
  if (spawnSync(mkfs, ['-V']).error) skip(context, `${mkfs} is missing`);
  const image = sandbox.path(`${type}.img`);
  const fd = openSync(image, 'wx');
  ftruncateSync(fd, size);
  closeSync(fd);
  await runChecked(mkfs, ['-q', image]);
  const mount = sandbox.path(type);
  mkdirSync(mount);
  await makeLoopNodes();
  const mounted = await runCommand('mount', ['-o', 'loop', image, mount]);
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
