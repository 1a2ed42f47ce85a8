import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a process runs. One that ended counts as gone also where nobody collects its exit status. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
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
