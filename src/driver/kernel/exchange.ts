import type { Caller, FileSystem } from '../../core/filesystem';
import type { Node } from '../../core/node';
import { E, FsError } from '../../sys/errno';
import { S_IFREG, Stat } from '../../sys/stat';
import { AttrOut, EntryOut, SetxattrIn } from './protocol';
import { RecentTimes } from './recentTimes';
import { Reply } from './reply';
import { Request } from './request';

/** What a handler returns for a request that gets no answer, or not yet. */
export const NO_REPLY = Number.MIN_SAFE_INTEGER;

/**
 * Answers one request: returns the length of the payload that it left in the reply, or a negative errno, or
 * {@link NO_REPLY}. It may throw FsError instead.
 */
export type Handler = (exchange: Exchange) => number;

/** Has a handler answer the request at hand once the kernel has written back a file from `offset` on. */
type Postpone = (nodeId: number, offset: number, handler: Handler) => void;

/**
 * Seconds for which the kernel may trust an entry or attributes: for ever, because nothing changes but through
 * the mount or with an invalidation.
 */
const VALID = 0x7fff_ffff;

/** One request and its reply, with what handlers need to get from one to the other. */
export class Exchange {
  readonly fs: FileSystem;
  readonly request = new Request();
  readonly reply = new Reply();
  /** Scratch space of the handler at work. */
  readonly stat = new Stat();
  /** What the kernel knows of the times of files. */
  readonly times = new RecentTimes();
  /** Bytes of `struct fuse_setxattr_in`, as agreed with the kernel. */
  setxattrSize: number = SetxattrIn.SIZE;
  readonly #caller: Caller = { uid: 0, gid: 0, umask: 0 };
  readonly #postpone: Postpone;

  constructor(fs: FileSystem, postpone: Postpone) {
    this.fs = fs;
    this.#postpone = postpone;
  }

  /** The node that the request is about. */
  get node(): Node {
    return this.fs.node(this.request.nodeid);
  }

  /** Who sent the request. @param umask as the request has it, where it makes something that has a mode */
  caller(umask = 0): Caller {
    this.#caller.uid = this.request.uid;
    this.#caller.gid = this.request.gid;
    this.#caller.umask = umask;
    return this.#caller;
  }

  /** Answers with `struct fuse_attr_out`. */
  attributes(node: Node): number {
    this.fs.getattr(node, this.stat);
    return this.attributesOf(this.stat);
  }

  attributesOf(stat: Stat): number {
    const { reply } = this;
    reply.u64(AttrOut.attr_valid, VALID);
    reply.u32(AttrOut.attr_valid_nsec, 0);
    reply.u32(AttrOut.dummy, 0);
    reply.attr(AttrOut.attr, stat);
    return AttrOut.SIZE;
  }

  /** Answers with `struct fuse_entry_out`. */
  entry(node: Node): number {
    this.putEntry(0, node);
    return EntryOut.SIZE;
  }

  /** Answers with `struct fuse_entry_out`. @param valid seconds for which the kernel may trust the name */
  entryOf(nodeid: number, stat: Stat, valid: number): number {
    this.#putEntry(0, nodeid, stat, valid);
    return EntryOut.SIZE;
  }

  /**
   * Answers that there is no such name: a `struct fuse_entry_out` of node 0.
   *
   * @param valid seconds for which the kernel may remember that
   */
  noEntry(valid = VALID): number {
    this.reply.fill(0, EntryOut.SIZE);
    this.reply.u64(EntryOut.entry_valid, valid);
    return EntryOut.SIZE;
  }

  /** Puts `struct fuse_entry_out` at `offset` and counts the kernel's reference. */
  putEntry(offset: number, node: Node): void {
    this.fs.getattr(node, this.stat);
    this.#putEntry(offset, node.id, this.stat, VALID);
    // Of a file that the kernel knows already, it keeps the time that it has.
    if (node.lookups === 0 && node.type === S_IFREG) {
      this.times.note(node.id, { sec: this.stat.mtime, nsec: this.stat.mtimeNsec });
    }
    this.fs.remember(node);
  }

  #putEntry(offset: number, nodeid: number, stat: Stat, valid: number): void {
    const { reply } = this;
    reply.u64(offset + EntryOut.nodeid, nodeid);
    reply.u64(offset + EntryOut.generation, 0);
    reply.u64(offset + EntryOut.entry_valid, valid);
    reply.u64(offset + EntryOut.attr_valid, VALID);
    reply.u32(offset + EntryOut.entry_valid_nsec, 0);
    reply.u32(offset + EntryOut.attr_valid_nsec, 0);
    reply.attr(offset + EntryOut.attr, stat);
  }

  /** A position in a file or a length, bytes. Numbers beyond 2^53 lose their last digits: no file is that large. */
  position(offset: number): number {
    const position = this.request.u64(offset);
    if (position > Number.MAX_SAFE_INTEGER) throw new FsError(E.EFBIG, 'position');
    return position;
  }

  /** Lets `handler` answer when the engine has what programs wrote; it finds another request in `request` then. */
  afterWriteBack(nodeId: number, offset: number, handler: Handler): number {
    this.#postpone(nodeId, offset, handler);
    return NO_REPLY;
  }
}
