import { spawn } from 'node:child_process';
import { CowspaceError } from '../protocol/errors';

const HELPER = 'fusermount3';

/** Root mounts and unmounts by itself, others through the helper, which is set-user-id root. */
export function isRoot(): boolean {
  return process.geteuid!() === 0;
}

/**
 * Runs fusermount3; its descriptor 3 is `socket`. `message` is what it printed.
 *
 * @throws CowspaceError `unsupported` when it is not installed
 */
export function runFusermount(
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
