/** What a scenario measures in: milliseconds or bytes. */
export type Unit = 'ms' | 'bytes';

/** One mounted union, fresh, in which a scenario takes its measurements. */
export interface Bench {
  /** Where the union is mounted. */
  readonly mount: string;
  /** Unmounts and mounts; what the page cache holds of the disk stays. */
  remount(): Promise<void>;
  /** The same, and the page cache is emptied. */
  makeCold(): Promise<void>;
  /** Notes how long something takes. */
  time(metric: string, work: () => unknown): Promise<void>;
  /** Notes how many bytes the scratch takes on disk. */
  measureScratch(metric: string): Promise<void>;
}

export interface Scenario {
  readonly title: string;
  /** Fills a directory that all peers have as their base. */
  makeBase(directory: string): Promise<void>;
  run(bench: Bench): Promise<void>;
}
