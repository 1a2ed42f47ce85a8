import type { Stat } from '../sys/stat';
import { AppendLog } from './appendLog';

/**
 * What a commit did last to an inode of a base: gave it all that it has, or kept that: took or gave a name, or put old bytes
 * back. Or that it is about to take a name. Or that users of the mount saw it as it is, until they put something in its place.
 */
export type CommitMark = 'written' | 'kept' | 'taking' | 'seen';

const LOG = 'commits';
const SIGNS = { written: 'w', kept: 'k', taking: 't', seen: 's' } as const;
const SETTLED = 'settled';

/**
 * The times of change that commits gave inodes of the bases. One that still has it was changed by nobody else since:
 * that tells a commit's own writes from conflicts, when users of the mount go on with what is being committed or a crash
 * ends it. The scratch has them in a log as long as it has changes.
 */
export class CommitTimes {
  readonly #log: AppendLog;
  /** The last mark of each inode. */
  readonly #marks = new Map<string, string>();
  /** The last of all these times, in seconds since 1970. */
  #latest = 0;
  #settled = 0;

  /** @param rootFd the scratch */
  constructor(rootFd: number) {
    const { log, records } = AppendLog.open(rootFd, LOG, '\n');
    this.#log = log;
    for (const record of records) {
      const [inode, mark] = record.split(' ');
      if (inode === undefined || mark === undefined) continue;
      if (inode === SETTLED) this.#settled = Number(mark);
      else this.#marks.set(inode, mark);
    }
    this.compact();
  }

  close(): void {
    this.#log.close();
  }

  /** Notes the time that a commit gave an inode. */
  note(layer: number, stat: Stat, mark: CommitMark): void {
    const inode = inodeOf(layer, stat);
    this.#marks.set(inode, markOf(stat, mark));
    this.#log.append(`${inode} ${markOf(stat, mark)}`);
    this.#latest = Math.max(this.#latest, stat.ctime + stat.ctimeNsec / 1e9);
  }

  /** Until when users saw all of the bases as it was, commits included; in seconds since 1970. */
  get settled(): number {
    return this.#settled;
  }

  /** Whether a commit was the last to change an inode, in this way. */
  isLast(layer: number, stat: Stat, mark: CommitMark): boolean {
    return this.#marks.get(inodeOf(layer, stat)) === markOf(stat, mark);
  }

  /** Whether a crash may have ended a commit when it had taken a name from an inode, but not noted its time yet. */
  isTaking(layer: number, stat: Stat): boolean {
    return this.#marks.get(inodeOf(layer, stat))?.startsWith(SIGNS.taking) ?? false;
  }

  /** Forgets an inode that the mount shows as it is, or that is gone. */
  forget(layer: number, stat: Stat): void {
    this.#marks.delete(inodeOf(layer, stat));
  }

  /** Forgets all inodes: the mount shows all of the bases as it is. */
  clear(): void {
    this.#marks.clear();
    this.#log.clear();
    if (this.#latest > this.#settled) this.#settled = this.#latest;
    this.#log.append(this.#settledRecord);
  }

  /** Shortens the log where it is worth it. */
  compact(): void {
    if (!this.#log.isLong(this.#marks.size)) return;
    const marks = [...this.#marks].map(([inode, mark]) => `${inode} ${mark}`);
    this.#log.rewrite([this.#settledRecord, ...marks]);
  }

  get #settledRecord(): string {
    return `${SETTLED} ${this.#settled}`;
  }
}

function inodeOf(layer: number, { dev, ino }: Stat): string {
  return `${layer}-${dev.toString(16)}-${ino.toString(16)}`;
}

function markOf({ ctime, ctimeNsec }: Stat, mark: CommitMark): string {
  return `${SIGNS[mark]}${ctime}.${ctimeNsec}`;
}
