import type { Time } from '../../core/filesystem';

/**
 * Milliseconds for which a write may leave a file's time as it is. The kernel's clock for times moves on once in a tick,
 * which is 10 ms at the most; the rest is for the request to get here.
 */
const RECENT = 20;

/**
 * The modification times that the kernel has of files which changed a moment ago. The kernel caches writes and owns the
 * times of files: after a write it sends the new time, unless the clock by which it takes times stood still since the
 * last one. Then the time that it has is the file's also where the disk below has a finer clock.
 */
export class RecentTimes {
  /** By node id, those that were told last at the end. */
  readonly #times = new Map<number, Time>();

  /** Notes the time that the kernel has from now on. */
  note(nodeId: number, time: Time): void {
    this.#times.delete(nodeId);
    const now = Date.now();
    for (const [oldest, { sec, nsec }] of this.#times) {
      if (isRecent(sec, nsec, now)) break;
      this.#times.delete(oldest);
    }
    if (isRecent(time.sec, time.nsec, now)) this.#times.set(nodeId, time);
  }

  /**
   * The time that the kernel has of a file, if that is so short ago that it may stay as it is when the file is written
   * now: else new bytes would have an old time, should the daemon end before the kernel sends theirs.
   */
  get(nodeId: number): Time | undefined {
    const time = this.#times.get(nodeId);
    return time !== undefined && isRecent(time.sec, time.nsec, Date.now()) ? time : undefined;
  }
}

/** @param now in milliseconds, rounded down */
function isRecent(sec: number, nsec: number, now: number): boolean {
  const age = now - (sec * 1e3 + nsec / 1e6);
  return age > -1 && age <= RECENT;
}
