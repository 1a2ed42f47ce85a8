/** Where one run of one peer has its files; absolute paths of empty directories, but for the base. */
export interface Places {
  readonly base: string;
  readonly scratch: string;
  readonly mount: string;
  /** For what else the peer keeps. */
  readonly home: string;
}

/** A union of the base and the scratch, to be mounted any number of times. */
export interface Union {
  mount(): Promise<void>;
  unmount(): Promise<void>;
}

/** A union file system that is measured. */
export interface Peer {
  readonly name: string;
  /** What it calls itself, with its version. @throws when the machine lacks it */
  version(): Promise<string>;
  union(places: Places): Union;
}
