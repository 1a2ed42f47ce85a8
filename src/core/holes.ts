import { E } from '../sys/errno';
import { diskExtentAt } from '../sys/extents';
import { lseek, SEEK_DATA, SEEK_HOLE } from '../sys/file';

/** As `lseek(2)` with SEEK_DATA or SEEK_HOLE on some file: an offset or a negative errno. */
export type Seek = (offset: number, whence: number) => number;

export function seekIn(fd: number): Seek {
  return (offset, whence) => lseek(fd, offset, whence);
}

/** Bytes from one offset to another. */
export interface Stretch {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** Where the first hole of a file ends that begins at `start`, cut at `end`; `start` itself where data are. */
export function skipHole(seek: Seek, start: number, end: number): number {
  const data = seek(start, SEEK_DATA);
  // No more data; any other error is that nobody can tell.
  if (data < 0) return data === -E.ENXIO ? end : start;
  return Math.min(data, end);
}

/** As {@link skipHole}, of what is a hole of two files. */
export function skipCommonHole(one: Seek, other: Seek, start: number, end: number): number {
  const stop = skipHole(one, start, end);
  return stop === start ? start : skipHole(other, start, stop);
}

/** Where bytes end, from `start` on, that two files of one device share; cut at `end`. `start` when they share none. */
export function skipShared(one: number, other: number, start: number, end: number): number {
  const first = diskExtentAt(one, start, end);
  const second = first === null ? null : diskExtentAt(other, start, end);
  if (first === null || first.shift !== second?.shift) return start;
  return Math.min(first.end, second.end, end);
}

/** The stretches between two offsets of a file that are no holes, in order. */
export function* dataStretches(seek: Seek, start: number, end: number): Generator<Stretch> {
  for (let at = skipHole(seek, start, end); at < end;) {
    const hole = seek(at, SEEK_HOLE);
    const stop = hole > at ? Math.min(hole, end) : end;
    yield { start: at, end: stop };
    at = skipHole(seek, stop, end);
  }
}
