/** Work that the engine does between two requests of the mount. */
export interface Pump {
  /**
   * Does a slice of the waiting work, for a few milliseconds at most.
   *
   * @returns milliseconds until it wants to be called again although nobody wakes it: 0 for at once, -1 for never
   */
  step(): number;
}

/** Something in the kernel's cache that is no longer true; plain data, so that it can travel between threads. */
export type Invalidation =
  | { readonly kind: 'inode'; readonly id: number; readonly offset: number; readonly length: number }
  | {
      readonly kind: 'entry';
      readonly parentId: number;
      /** The directory's path below the mount, '' for the root; a byte string, as the name is. */
      readonly parentPath: string;
      readonly name: string;
      /** It stands for what it stood for. */
      readonly stays: boolean;
    };

/** What a driver needs to know of a workspace to mount it. */
export interface MountOptions {
  /** The workspace's name: the mount's source is `cowspace:NAME`. */
  readonly name: string;
  /** Other users may enter too, with the rights that modes give them. */
  readonly allowOther: boolean;
  /** Folders, text: what the mounts that hold them forbid (set-id, devices, execution), the new mount forbids too. */
  readonly bases: readonly string[];
  /** A folder, text: set-id and devices that the mount which holds it forbids, the new mount forbids too. */
  readonly scratch: string;
  /** The scratch may hold what others made: the new mount forbids set-id and devices. */
  readonly adopted: boolean;
}

/** A mounted file system as the daemon's main thread holds it. */
export interface Mount {
  /**
   * Unmounts. @param lazy also when programs use it: it leaves the tree at once and ends with its last user
   * @throws CowspaceError `busy`
   */
  unmount(lazy: boolean): Promise<void>;
  /** Makes the kernel forget; resolves when it has. Things that the kernel does not know are no error. */
  invalidate(list: readonly Invalidation[]): Promise<void>;
  /** Makes the kernel hand over all that programs wrote and it still holds; resolves when it has. */
  writeBack(): Promise<void>;
  /** As {@link writeBack}, but of one file alone, from `offset` on (bytes). */
  writeBackFile(id: number, offset: number): Promise<void>;
  /** Lets go of what mounting took; to be called when nobody answers requests any more. */
  close(): void;
}

/** Answers the requests of a mount from the event loop of the thread that mounted. */
export interface Session {
  /** Settles when the mount is gone. */
  readonly ended: Promise<void>;
  /** From now on the file system is not called any more: requests get ENOTCONN. */
  stop(): void;
}
