/** Work that the engine thread does between two requests of the mount. */
export interface Pump {
  /** A descriptor that becomes readable when there is work (an eventfd). */
  readonly wakeFd: number;
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

/** A mounted file system as the daemon's main thread holds it. */
export interface Mount {
  /**
   * Unmounts. @param lazy also when programs use it: it leaves the tree at once and ends with its last user
   * @throws CowspaceError `busy`
   */
  unmount(lazy: boolean): Promise<void>;
  /** Makes the kernel forget; resolves when it has. Things that the kernel does not know are no error. */
  invalidate(list: readonly Invalidation[]): Promise<void>;
}
