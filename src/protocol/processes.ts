import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failedWith } from './errors';

/** Whether a process runs. One that ended counts as gone also where nobody collects its exit status. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return failedWith(error, 'EPERM');
  }
  const status = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const state = status.charAt(status.lastIndexOf(')') + 2);
  return state !== 'Z' && state !== 'X';
}

/** Waits until a process is gone; returns whether it is, after `timeout` milliseconds at the latest. */
export async function waitForEnd(pid: number, timeout: number): Promise<boolean> {
  const deadline = Date.now() + timeout;
  while (await isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Ends a process: politely, and after `patience` milliseconds in any case. */
export async function endProcess(pid: number, patience: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (failedWith(error, 'ESRCH')) return;
      throw error;
    }
    if (await waitForEnd(pid, patience)) return;
  }
}
