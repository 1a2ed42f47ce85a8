import { check, E } from '../sys/errno';
import { close, fdatasync, fsync, ftruncate, O_CREAT, O_RDWR, openAt, pread, pwriteAll } from '../sys/file';
import { openRegular, replaceRegular } from '../sys/regular';
import { Stat, statFd } from '../sys/stat';

/** More records than this, and than twice those that count, are written anew. */
const MANY_RECORDS = 1000;
/** Bytes that a log may have. */
const MAX_LOG = 1 << 29;

/**
 * A file of the scratch to which records are appended. What it says can be lacking without harm: on a full disk records
 * get lost, and a crash cuts the last one off. Records are byte strings without the separator.
 */
export class AppendLog {
  #fd: number;
  readonly #rootFd: number;
  readonly #name: string;
  readonly #separator: string;
  #length = 0;
  #records = 0;
  #unsynced = false;
  #renamed = false;

  /**
   * Opens a log, made when missing, and reads its records, the oldest first.
   *
   * @param rootFd the scratch
   * @throws FsError when something else has its name
   */
  static open(rootFd: number, name: string, separator: string): { log: AppendLog; records: string[] } {
    const log = new AppendLog(rootFd, name, separator);
    return { log, records: log.#read() };
  }

  private constructor(rootFd: number, name: string, separator: string) {
    this.#rootFd = rootFd;
    this.#name = name;
    this.#separator = separator;
    this.#fd = this.#open();
  }

  close(): void {
    close(this.#fd);
  }

  #read(): string[] {
    const stat = new Stat();
    check(statFd(this.#fd, stat), this.#name);
    if (stat.size > MAX_LOG) check(-E.EFBIG, this.#name);
    const bytes = Buffer.alloc(stat.size);
    check(pread(this.#fd, bytes, bytes.length, 0), this.#name);
    // What a crash cut off is written over.
    this.#length = bytes.lastIndexOf(this.#separator) + 1;
    const records = bytes.toString('latin1', 0, this.#length).split(this.#separator).slice(0, -1);
    this.#records = records.length;
    return records;
  }

  append(record: string): void {
    const bytes = Buffer.from(record + this.#separator, 'latin1');
    if (pwriteAll(this.#fd, bytes, bytes.length, this.#length) < 0) return;
    this.#length += bytes.length;
    this.#records++;
    this.#unsynced = true;
  }

  /** Removes all records. */
  clear(): void {
    if (this.#length === 0 || ftruncate(this.#fd, 0) < 0) return;
    this.#length = 0;
    this.#records = 0;
  }

  /** Whether there are many records beside the given number of those that count: time to {@link rewrite} them. */
  isLong(counting: number): boolean {
    return this.#records > Math.max(MANY_RECORDS, 2 * counting);
  }

  /** Writes these records in place of all. */
  rewrite(records: readonly string[]): void {
    const bytes = Buffer.from(records.map((record) => record + this.#separator).join(''), 'latin1');
    if (replaceRegular(this.#rootFd, this.#name, bytes, true) < 0) return;
    close(this.#fd);
    this.#fd = this.#open();
    this.#length = bytes.length;
    this.#records = records.length;
    // The bytes are on the disk, but as long as the name leads to the old ones there, none of these is durable.
    this.#renamed = true;
  }

  /** Makes the records durable. @throws FsError */
  sync(): void {
    if (this.#unsynced) check(fdatasync(this.#fd), this.#name);
    this.#unsynced = false;
    if (this.#renamed) check(fsync(this.#rootFd), this.#name);
    this.#renamed = false;
  }

  #open(): number {
    const create = (dirFd: number, name: string, flags: number): number => openAt(dirFd, name, flags, 0o600);
    return check(openRegular(this.#rootFd, this.#name, O_RDWR | O_CREAT, create), this.#name);
  }
}
