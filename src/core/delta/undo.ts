import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { toBytes, toText } from '../../sys/bytes';
import { check, E, FsError } from '../../sys/errno';
import {
  close,
  fsync,
  ftruncate,
  futimens,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  openAt,
  openBeneath,
  pread,
  pwrite,
  renameAt,
  unlinkAt,
} from '../../sys/file';
import type { Stat } from '../../sys/stat';
import type { Scratch } from '../scratch';
import type { Union } from '../union';

const headerSchema = z.object({
  /** The base file: its layer and its path there. */
  layer: z.number(),
  basePath: z.string(),
  /** The entry of the mount that is being committed. */
  path: z.string(),
  size: z.number(),
  atime: z.number(),
  atimeNsec: z.number(),
  mtime: z.number(),
  mtimeNsec: z.number(),
});
export type UndoHeader = z.infer<typeof headerSchema>;

/** Length and checksum of the header; then of each entry its offset, length and checksum. */
const HEADER_PREFIX = 8;
const ENTRY_PREFIX = 16;
/** The offset of the entry that says that all old bytes are here. */
const SEAL = 0xffffffffffffffffn;
const DONE = '.done';

/**
 * The bytes that a commit is about to overwrite in a base file. While it is sealed and not done, the base file may be
 * half old and half new: {@link recoverUndo} makes it old again.
 */
export class UndoJournal {
  readonly #dirFd: number;
  readonly #name: string;
  readonly #fd: number;
  #length = 0;
  #state: 'open' | 'sealed' | 'done' = 'open';

  constructor(scratch: Scratch, header: UndoHeader) {
    this.#dirFd = scratch.undoFd;
    this.#name = scratch.temporaryName();
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    this.#fd = check(openAt(this.#dirFd, this.#name, flags, 0o600), 'undo journal');
    const text = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(HEADER_PREFIX);
    prefix.writeUInt32LE(text.length, 0);
    prefix.writeUInt32LE(crc32(text), 4);
    this.#append(prefix);
    this.#append(text);
  }

  /** Saves old bytes. */
  add(offset: number, bytes: Buffer): void {
    const prefix = Buffer.alloc(ENTRY_PREFIX);
    prefix.writeBigUInt64LE(BigInt(offset), 0);
    prefix.writeUInt32LE(bytes.length, 8);
    prefix.writeUInt32LE(crc32(bytes), 12);
    this.#append(prefix);
    this.#append(bytes);
  }

  /** Makes it durable. From here on the base file may be written. */
  seal(): void {
    const prefix = Buffer.alloc(ENTRY_PREFIX);
    prefix.writeBigUInt64LE(SEAL, 0);
    this.#append(prefix);
    check(fsync(this.#fd), 'undo journal');
    check(fsync(this.#dirFd), 'undo journal');
    this.#state = 'sealed';
  }

  /** The base file has all that is new, durably. What is left is to book it. */
  done(): void {
    check(renameAt(this.#dirFd, this.#name, this.#dirFd, this.#name + DONE), 'undo journal');
    check(fsync(this.#dirFd), 'undo journal');
    this.#state = 'done';
  }

  /** Ends and deletes the journal; first puts the old bytes back when it is sealed and not done. */
  close(u: Union): void {
    if (this.#state === 'sealed') {
      const header = readHeader(this.#fd);
      const entries = header === null ? null : readEntries(this.#fd, header.length);
      if (header !== null && entries !== null) rollBack(u, this.#fd, header.value, entries);
    }
    close(this.#fd);
    unlinkAt(this.#dirFd, this.#name + DONE);
    unlinkAt(this.#dirFd, this.#name);
  }

  #append(bytes: Buffer): void {
    const written = check(pwrite(this.#fd, bytes, bytes.length, this.#length), 'undo journal');
    if (written < bytes.length) throw new FsError(E.ENOSPC, 'undo journal');
    this.#length += bytes.length;
  }
}

/** A commit that a crash ended after the base file was complete: the entry that still has to be booked. */
export type Unbooked = Pick<UndoHeader, 'path'>;

/**
 * Makes base files whole again that a crash left half written.
 *
 * @param log told of each
 * @returns the entries whose base file is complete but not booked
 */
export function recoverUndo(u: Union, log: (message: string) => void): Unbooked[] {
  const unbooked: Unbooked[] = [];
  for (const name of readdirSync(join(u.scratch.path, 'undo'))) {
    const fd = check(openAt(u.scratch.undoFd, name, O_RDONLY | O_NOFOLLOW), name);
    try {
      const header = readHeader(fd);
      const entries = header === null ? null : readEntries(fd, header.length);
      if (header !== null && name.endsWith(DONE)) unbooked.push(header.value);
      else if (header !== null && entries !== null) {
        log(`A commit to ${header.value.basePath} was interrupted: putting its old bytes back.`);
        rollBack(u, fd, header.value, entries);
      }
    } finally {
      close(fd);
    }
    check(unlinkAt(u.scratch.undoFd, name), name);
  }
  return unbooked;
}

interface Entry {
  readonly offset: number;
  readonly length: number;
  /** Where its bytes are in the journal. */
  readonly at: number;
}

function readBytes(fd: number, length: number, at: number): Buffer | null {
  const bytes = Buffer.alloc(length);
  return check(pread(fd, bytes, length, at), 'undo journal') === length ? bytes : null;
}

function readHeader(fd: number): { value: UndoHeader; length: number } | null {
  const prefix = readBytes(fd, HEADER_PREFIX, 0);
  if (prefix === null) return null;
  const text = readBytes(fd, Math.min(prefix.readUInt32LE(0), 1 << 16), HEADER_PREFIX);
  if (text === null || crc32(text) !== prefix.readUInt32LE(4)) return null;
  return { value: headerSchema.parse(JSON.parse(text.toString())), length: HEADER_PREFIX + text.length };
}

/** All entries of a sealed journal; null for one that was not finished, which nothing was overwritten after. */
function readEntries(fd: number, start: number): Entry[] | null {
  const entries: Entry[] = [];
  for (let at = start; ;) {
    const prefix = readBytes(fd, ENTRY_PREFIX, at);
    if (prefix === null) return null;
    if (prefix.readBigUInt64LE(0) === SEAL) return entries;
    const length = prefix.readUInt32LE(8);
    const bytes = readBytes(fd, length, at + ENTRY_PREFIX);
    if (bytes === null || crc32(bytes) !== prefix.readUInt32LE(12)) return null;
    entries.push({ offset: Number(prefix.readBigUInt64LE(0)), length, at: at + ENTRY_PREFIX });
    at += ENTRY_PREFIX + length;
  }
}

function rollBack(u: Union, journal: number, header: UndoHeader, entries: readonly Entry[]): void {
  const layer = u.layers[header.layer];
  if (layer === undefined) return;
  const fd = check(
    openBeneath(u.dirFds.get(layer.root), toBytes(header.basePath), O_RDWR | O_NOFOLLOW),
    header.basePath,
  );
  try {
    for (const entry of entries) {
      const bytes = readBytes(journal, entry.length, entry.at);
      if (bytes === null) throw new FsError(E.EIO, `${toText(header.basePath)}: undo journal`);
      check(pwrite(fd, bytes, bytes.length, entry.offset), header.basePath);
    }
    check(ftruncate(fd, header.size), header.basePath);
    check(futimens(fd, header.atime, header.atimeNsec, header.mtime, header.mtimeNsec), header.basePath);
    check(fsync(fd), header.basePath);
  } finally {
    close(fd);
  }
}

/** What a journal must know of a base file. */
export function undoHeader(layer: number, basePath: string, path: string, stat: Stat): UndoHeader {
  const { size, atime, atimeNsec, mtime, mtimeNsec } = stat;
  return { layer, basePath: toText(basePath), path: toText(path), size, atime, atimeNsec, mtime, mtimeNsec };
}
