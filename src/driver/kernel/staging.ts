import { readFileSync } from 'node:fs';
import type { Node } from '../../core/node';
import { E } from '../../sys/errno';
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, Stat } from '../../sys/stat';
import type { Exchange, Handler } from './exchange';
import { handlers } from './handlers';
import { FUSE_ROOT_ID, MkdirIn, MknodIn, Opcode, RenameIn } from './protocol';
import { parseStagedName, STAGING_NAME } from './stagedName';

/** Node ids of the staging folder and of what is gone, beyond all that the engine gives. */
const STAGING_ID = 2 ** 52;
const GONE_ID = STAGING_ID + 1;

/** Milliseconds for which a process passes for the announcer before it is looked at again: its number may go to another. */
const TRUST = 5000;

/**
 * Lets watchers know what the engine changed by itself. The kernel tells them (inotify, fanotify) only of what
 * programs do, and not of what it is made to forget. So a program, the announcer, does in the mount what has
 * happened already: it unlinks the names that are gone, and for those that stand for something new it makes a file
 * in the staging folder and renames it to there, as editors do when they save. Here its requests are recognized and
 * answered without the engine: the staged file is the new node, so that the kernel gets the new state with the event.
 * What the kernel knows already, as some program was faster, is renamed into the staging folder and back.
 */
export class Staging {
  #announcer = 0;
  #trustedUntil = 0;
  #staged: Node | null = null;

  /** Whether the request at hand is the announcer's, which comes by way of the staging folder again and again. */
  owns({ request }: Exchange): boolean {
    if (request.pid === this.#announcer && performance.now() < this.#trustedUntil) return true;
    if (request.opcode !== Opcode.LOOKUP || request.nodeid !== FUSE_ROOT_ID) return false;
    if (request.name(0) !== STAGING_NAME || !isOurChild(request.pid)) return false;
    this.#announcer = request.pid;
    this.#trustedUntil = performance.now() + TRUST;
    return true;
  }

  /** Answers the announcer's requests. */
  readonly answer: Handler = (x) => {
    const { opcode, nodeid } = x.request;
    switch (opcode) {
      case Opcode.LOOKUP:
        return this.#lookup(x);
      case Opcode.UNLINK:
      case Opcode.RMDIR:
        return nodeid === STAGING_ID ? this.#unstage() : unlink(x);
      case Opcode.RENAME:
        return nodeid === STAGING_ID ? this.#unstage() : this.#takeBack(x);
    }
    if (nodeid !== STAGING_ID) return handlers[opcode]?.(x) ?? -E.ENOSYS;
    switch (opcode) {
      case Opcode.GETATTR:
        return x.attributesOf(attributes(STAGING_ID, S_IFDIR | 0o700));
      case Opcode.MKNOD:
        return this.#stage(x, S_IFREG, x.request.name(MknodIn.SIZE));
      case Opcode.MKDIR:
        return this.#stage(x, S_IFDIR, x.request.name(MkdirIn.SIZE));
      case Opcode.SYMLINK:
        return this.#stage(x, S_IFLNK, x.request.name(0));
      default:
        return -E.ENOSYS;
    }
  };

  #lookup(x: Exchange): number {
    const { nodeid } = x.request;
    const name = x.request.name(0);
    if (nodeid === FUSE_ROOT_ID && name === STAGING_NAME)
      return x.entryOf(STAGING_ID, attributes(STAGING_ID, S_IFDIR | 0o700), 0);
    if (nodeid === STAGING_ID) return x.noEntry(0);
    const node = x.fs.lookup(x.node, name);
    // What is gone must be there to be unlinked, whether the kernel still remembers it or not. It is no regular file: of
    // those the kernel writes back the times, which a file that is unlinked has changed.
    if (node === null) return x.entryOf(GONE_ID, attributes(GONE_ID, S_IFIFO | 0o600), 0);
    // What is to appear must not be there yet.
    return node === this.#staged ? x.noEntry(0) : x.entry(node);
  }

  /** Makes the kernel acquainted with a node that it does not know, so that a rename can put it in its place. */
  #stage(x: Exchange, type: number, stagedName: string): number {
    const entry = parseStagedName(stagedName);
    if (entry === null) return -E.EINVAL;
    const parent = x.fs.node(entry.parentId);
    // That the directory is gone says it all.
    if (parent.orphan) return -E.ESTALE;
    const node = x.fs.lookup(parent, entry.name);
    if (node === null) return -E.ENOENT;
    if (node.lookups > 0) return -E.EEXIST;
    if (node.type !== type) return wrongType(node.type);
    this.#staged = node;
    return x.entry(node);
  }

  /** Lets a node go into the staging folder, from where it comes back. */
  #takeBack(x: Exchange): number {
    if (x.request.u64(RenameIn.newdir) !== STAGING_ID) return -E.EXDEV;
    const node = x.fs.lookup(x.node, x.request.name(RenameIn.SIZE));
    if (node === null) return -E.ENOENT;
    this.#staged = node;
    return 0;
  }

  #unstage(): number {
    this.#staged = null;
    return 0;
  }
}

/** Lets the kernel forget a name that stands for something that it does not know, or for nothing any more. */
function unlink(x: Exchange): number {
  const node = x.fs.lookup(x.node, x.request.name(0));
  return node === null || node.lookups === 0 ? 0 : -E.EBUSY;
}

/** Tells the announcer what to make in the staging folder instead. */
function wrongType(type: number): number {
  switch (type) {
    case S_IFDIR:
      return -E.EISDIR;
    case S_IFLNK:
      return -E.ELOOP;
    default:
      return -E.EOPNOTSUPP;
  }
}

/** Attributes of something that only the announcer sees. */
function attributes(ino: number, mode: number): Stat {
  const stat = new Stat();
  stat.ino = ino;
  stat.mode = mode;
  stat.nlink = 1;
  stat.uid = process.geteuid!();
  stat.gid = process.getegid!();
  return stat;
}

/** Whether a process was started by this one: nobody else may pass for the announcer. */
function isOurChild(pid: number): boolean {
  try {
    // The name of the program, in parentheses, may itself have spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return Number(fields[1]) === process.pid;
  } catch {
    return false;
  }
}
