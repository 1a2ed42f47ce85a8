import { S_IFDIR } from '../sys/stat';
import type { LayerDir } from './layer';
import type { Listing } from './listing';

/** A name in a directory of the scratch's upper tree. */
export interface UpperName {
  readonly whiteout: boolean;
}

/** What only directories have. */
export interface DirState {
  /** The directory in the scratch, once copied up or created there. */
  upper: LayerDir | null;
  /** The directories of the bases that merge into it, first match first. */
  lowers: LayerDir[];
  /** Hides whatever the bases have at its place. */
  opaque: boolean;
  /** Children in memory. */
  readonly children: Map<string, Node>;
  /** All names of the upper directory, once read. */
  upperNames: Map<string, UpperName> | null;
  /** The merged names in the order in which they are listed, while somebody lists them. */
  listing: Listing | null;
}

/** Identity and metadata of a base file at the time of its copy-up. */
export interface Origin {
  /** Index of the base's layer. */
  readonly layer: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly mtimeNsec: number;
}

/** Facts about an upper file that the overlayfs format cannot say; see docs/SCRATCH-FORMAT.md. */
export interface UpperRecord {
  /** Metadata-only copy-up: the bytes are still the base's. */
  readonly metacopy: boolean;
  /** It replaced an unrelated base entry: `origin` says which, for conflicts, and lends no inode number. */
  readonly cover: boolean;
  readonly origin: Origin;
  /** Id of its block map: the scratch holds only the blocks that changed. Null for a whole file. */
  readonly delta: string | null;
  /** The base path of something that was renamed or linked, relative to the base's root. */
  readonly redirect: string | null;
  /**
   * Of something that was renamed: until when users saw the base entry that it hides where it is now, in seconds since 1970;
   * null for none, and when that is not known.
   */
  readonly coveredAt: number | null;
}

/**
 * One inode of the union. It is found by its parent and name while it has one; open files and the kernel hold it by
 * id, also when its last name is gone.
 */
export class Node {
  /** The node id of FUSE; never used twice while the workspace is mounted. */
  readonly id: number;
  /** File type bits (`S_IFMT`). */
  readonly type: number;
  parent: Node | null;
  name: string;
  /** How many references the driver holds. */
  lookups = 0;
  /** Whether it has an inode in the scratch. */
  upper = false;
  record: UpperRecord | null = null;
  /** Why its bytes (or entries) cannot be had: its record or block map is damaged. With a damaged record, `record` is null. */
  damage: string | null = null;
  /** The base file behind it (not of directories): its directory and its name there. */
  lowerDir: LayerDir | null = null;
  lowerName = '';
  /** Size and modification time last told to the driver, to notice a base that moves (base files only). */
  seenSize = -1;
  seenMtime = -1;
  /** Its last name is gone, or it has had none yet. */
  orphan = false;
  /** It was made without a name: it may get one. */
  linkable = false;
  /** Keeps the scratch's inode of an orphan alive; -1 for none. */
  orphanFd = -1;
  /** Does the same when there are too few descriptors: its name in the scratch's `work/`. */
  parkedName: string | null = null;
  /** Other names of an upper inode with several links. */
  aliases: { parent: Node; name: string }[] | null = null;
  /** Key in the scratch's index of a base inode with several links, once copied up. */
  indexKey: string | null = null;
  /** Its keys in the union's maps of inodes with several names; 0 and null for none. */
  linkedIno = 0;
  linkedKey: string | null = null;
  /** Inode number by which the record of a link or special file is filed; 0 for none. */
  recordIno = 0;
  /** Grows with everything that users do to it, so that work in steps notices. */
  edits = 0;
  /** Whether its copy-up is durable only after its upper directories are. */
  unsyncedParents = false;
  readonly dir: DirState | null;

  constructor(id: number, type: number, parent: Node | null, name: string) {
    this.id = id;
    this.type = type;
    this.parent = parent;
    this.name = name;
    this.dir =
      type === S_IFDIR
        ? { upper: null, lowers: [], opaque: false, children: new Map(), upperNames: null, listing: null }
        : null;
  }

  /** The path below the mount, `''` for the root. */
  get path(): string {
    if (this.parent === null) return '';
    return joinPath(this.parent.path, this.name);
  }

  /** Whether this path is one of its names. */
  isAt(path: string): boolean {
    if (this.orphan) return false;
    return (
      this.path === path ||
      (this.aliases ?? []).some(({ parent, name }) => joinPath(parent.path, name) === path)
    );
  }
}

export function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}
