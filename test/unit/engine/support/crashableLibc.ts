import { bind as bindCall } from '../../../../src/sys/libc';

export * from '../../../../src/sys/libc';

/** Stands for the end of the process: nothing that runs after it changes anything on disk. */
class Crash extends Error {}

const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_TMPFILE = 0o20000000;

type Call = (...args: unknown[]) => number;

const changing = new Set([
  'copy_file_range',
  'fallocate64',
  'fchmod',
  'fchmodat',
  'fchownat',
  'ftruncate64',
  'futimens',
  'ioctl',
  'linkat',
  'lremovexattr',
  'lsetxattr',
  'mkdirat',
  'mknodat',
  'pwrite64',
  'removexattr',
  'renameat2',
  'setxattr',
  'symlinkat',
  'unlinkat',
  'utimensat',
]);

const opened = new Set<number>();
let allowed = Infinity;
let made = 0;
let crashed = false;

/**
 * From now on counts the system calls that change something on disk, and ends the process, as it were, before the
 * one after `calls` of them.
 */
export function crashAfter(calls: number): void {
  allowed = calls;
  made = 0;
  crashed = false;
}

/** Whether the process was ended. What it does to clean up afterwards can fail otherwise. */
export function hasCrashed(): boolean {
  return crashed;
}

/** How many such calls were made since {@link crashAfter}. */
export function callsMade(): number {
  return made;
}

/** Begins a new process, as it were: what the old one had open is closed. */
export function restart(): void {
  allowed = Infinity;
  for (const fd of opened) closeCall(fd);
  opened.clear();
}

const closeCall = bindCall('close', 'int', ['int']);

/** As the original, for calls that {@link crashAfter} can stop. */
export function bind(name: string, result: string, args: string[]): Call {
  const call = bindCall(name, result, args);
  if (name === 'close') {
    return (fd) => {
      opened.delete(fd as number);
      return call(fd);
    };
  }
  if (name === 'openat' || name === 'syscall') {
    return (...values) => {
      if (name === 'openat' && makesFile(values[2] as number)) step();
      const fd = call(...values);
      if (fd >= 0) opened.add(fd);
      return fd;
    };
  }
  if (!changing.has(name)) return call;
  return (...values) => {
    step();
    return call(...values);
  };
}

function makesFile(flags: number): boolean {
  return (flags & (O_CREAT | O_TRUNC)) !== 0 && (flags & O_TMPFILE) !== O_TMPFILE;
}

function step(): void {
  if (made >= allowed) {
    crashed = true;
    throw new Crash();
  }
  made++;
}
