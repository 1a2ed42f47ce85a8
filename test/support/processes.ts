import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until';

/** The running processes, this one left out, whose environment holds `name=value`; those of others' are not seen. */
export function processesWithEnvironment(name: string, value: string): number[] {
  const entry = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => readProcessFile(pid, 'environ').split('\0').includes(entry))
    .map(Number);
}

/** The program and the arguments with which a process was started; none of a process that ended or is another's. */
export function commandOf(pid: number): string[] {
  return readProcessFile(String(pid), 'cmdline').split('\0').slice(0, -1);
}

/** A zombie counts as ended: where no init reaps orphans, it stays for good. */
export function isRunning(pid: number): boolean {
  const state = /\) (\S)/.exec(readProcessFile(String(pid), 'stat'))?.[1];
  return state !== undefined && state !== 'Z';
}

export async function untilEnded(pids: readonly number[], timeout = 10_000): Promise<void> {
  await until(`processes ${pids.join(', ')} end`, () => !pids.some(isRunning), timeout);
}

/** Ends processes: SIGTERM, and for those that do not heed it SIGKILL. */
export async function endProcesses(pids: readonly number[]): Promise<void> {
  signalAll(pids, 'SIGTERM');
  try {
    await untilEnded(pids, 5_000);
  } catch {
    signalAll(pids, 'SIGKILL');
    await untilEnded(pids);
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids.filter(isRunning)) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Empty for a process that ended meanwhile or belongs to someone else. */
function readProcessFile(pid: string, name: 'cmdline' | 'environ' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** What a process holds in memory, in MB. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** How many descriptors a process has open. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
