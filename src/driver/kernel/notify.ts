import { write } from 'node:fs';
import { promisify } from 'node:util';
import type { Invalidation } from '../driver';
import { NotifyCode, NotifyInvalEntryOut, NotifyInvalInodeOut, OutHeader } from './protocol';

const writeAsync = promisify(write);

/**
 * Tells the kernel what to forget. To forget a file's pages it first writes the dirty ones back and waits for the
 * answer, so this must run on another thread than the session, and without holding up anything that the session
 * waits for.
 */
export class Notifier {
  readonly #fd: number;
  #lastEntry: Promise<void> = Promise.resolve();

  /** @param fd the mount's descriptor of `/dev/fuse` */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Resolves when the kernel has forgotten all of it, which may be nothing. */
  async send(list: readonly Invalidation[]): Promise<void> {
    for (const invalidation of list) await this.#send(invalidation);
  }

  /**
   * A name waits for the lock of its directory, whose holder may in turn wait for the session and that for a file's
   * pages: one name at a time, or they would take all threads of the pool and pages never had their turn.
   */
  #send(invalidation: Invalidation): Promise<void> {
    const message = encode(invalidation);
    if (invalidation.kind === 'inode') return this.#write(message);
    this.#lastEntry = this.#lastEntry.catch(() => undefined).then(() => this.#write(message));
    return this.#lastEntry;
  }

  async #write(message: Buffer): Promise<void> {
    try {
      await writeAsync(this.#fd, message, 0, message.length, null);
    } catch (error) {
      if (!isForgotten(error)) throw error;
    }
  }
}

/** The kernel does not know the node or the name, or the whole mount any more. */
function isForgotten(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV' || code === 'ENOTCONN';
}

/** A notification is a reply to no request: its code stands in the place of the error. */
export function encode(invalidation: Invalidation): Buffer {
  switch (invalidation.kind) {
    case 'inode':
      return encodeInode(invalidation.id, invalidation.offset, invalidation.length);
    case 'entry':
      return encodeEntry(invalidation.parentId, invalidation.name);
  }
}

function encodeInode(id: number, offset: number, length: number): Buffer {
  const message = start(NotifyCode.INVAL_INODE, NotifyInvalInodeOut.SIZE);
  message.writeBigUInt64LE(BigInt(id), OutHeader.SIZE + NotifyInvalInodeOut.ino);
  message.writeBigInt64LE(BigInt(offset), OutHeader.SIZE + NotifyInvalInodeOut.off);
  message.writeBigInt64LE(BigInt(length), OutHeader.SIZE + NotifyInvalInodeOut.len);
  return message;
}

function encodeEntry(parentId: number, name: string): Buffer {
  const message = start(NotifyCode.INVAL_ENTRY, NotifyInvalEntryOut.SIZE + name.length + 1);
  message.writeBigUInt64LE(BigInt(parentId), OutHeader.SIZE + NotifyInvalEntryOut.parent);
  message.writeUInt32LE(name.length, OutHeader.SIZE + NotifyInvalEntryOut.namelen);
  message.write(name, OutHeader.SIZE + NotifyInvalEntryOut.SIZE, 'latin1');
  return message;
}

function start(code: number, length: number): Buffer {
  const message = Buffer.alloc(OutHeader.SIZE + length);
  message.writeUInt32LE(message.length, OutHeader.len);
  message.writeInt32LE(code, OutHeader.error);
  return message;
}
