import { crc32 } from 'node:zlib';
import * as z from 'zod';
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
  pwriteAll,
  renameAt,
  unlinkAt,
} from '../../sys/file';
import { readDirectory } from '../../sys/directory';
import { openRegular } from '../../sys/regular';
import { Stat, statFd } from '../../sys/stat';
import { parseJson } from '../json';
import type { Node } from '../node';
import { plainPathSchema } from '../plainPath';
import type { Scratch } from '../scratch';
import type { LogFunction, Union } from '../union';

const headerSchema = z.object({
  /** The base file: its layer and its path there. */
  layer: z.number().int().positive(),
  basePath: plainPathSchema,
  /** The entry of the mount that is being committed, and the id of its block map. */
  path: plainPathSchema,
  delta: z.string(),
  /** The base file's inode number, where a new one takes its place. */
  ino: z.number().optional(),
  /** What the entry was copied from before: the base may have that under other names. */
  origin: z
    .object({
      layer: z.number(),
      ino: z.number(),
      mode: z.number(),
      uid: z.number(),
      gid: z.number(),
      size: z.number(),
      mtime: z.number(),
      mtimeNsec: z.number(),
    })
    .optional(),
  size: z.number(),
  /** Where it is cut off before it is written. */
  cut: z.number().optional(),
  atime: z.number(),
  atimeNsec: z.number(),
  mtime: z.number(),
  mtimeNsec: z.number(),
});
export type UndoHeader = z.infer<typeof headerSchema>;

/** Length and checksum of the header; then of each entry its offset, length and checksum. */
const HEADER_PREFIX = 8;
const ENTRY_PREFIX = 16;
/** What the last entry has for an offset: it says that all old bytes are here. Then follows where in the journal it is. */
const SEAL = 0xffffffffffffffffn;
const DONE = '.done';
/** Longest header and longest entry that one that is sound can have, bytes. */
const MAX_HEADER = 1 << 16;
const MAX_ENTRY = 1 << 24;

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
    prefix.writeBigUInt64LE(BigInt(this.#length), 8);
    this.#append(prefix);
    check(fsync(this.#fd), 'undo journal');
    check(fsync(this.#dirFd), 'undo journal');
    this.#state = 'sealed';
  }

  /** The base file has all that is new, durably, or a new one is about to take its place. What is left is to book it. */
  done(): void {
    if (this.#state === 'open') check(fsync(this.#fd), 'undo journal');
    check(renameAt(this.#dirFd, this.#name, this.#dirFd, this.#name + DONE), 'undo journal');
    check(fsync(this.#dirFd), 'undo journal');
    this.#state = 'done';
  }

  /** Ends and deletes the journal; first puts the old bytes back when it is sealed and not done. */
  close(u: Union): void {
    try {
      if (this.#state === 'sealed') rollBack(u, this.#fd, readJournal(this.#fd));
    } finally {
      close(this.#fd);
    }
    unlinkAt(this.#dirFd, this.#name + DONE);
    unlinkAt(this.#dirFd, this.#name);
  }

  #append(bytes: Buffer): void {
    check(pwriteAll(this.#fd, bytes, bytes.length, this.#length), 'undo journal');
    this.#length += bytes.length;
  }
}

/**
 * Makes base files whole again that a crash left half written. A journal that cannot be obeyed now stays: the next
 * start tries again.
 *
 * @param book notes a base file that is complete
 * @param finish does what is left to do for these; a crash before its end has all of it done again
 */
export function recoverUndo(
  u: Union,
  log: LogFunction,
  book: (header: UndoHeader) => void,
  finish: () => void,
): void {
  const done: string[] = [];
  for (const name of journals(u)) {
    let fd = -1;
    try {
      fd = check(openRegular(u.scratch.undoFd, name, O_RDONLY), `the journal ${name}`);
      if (name.endsWith(DONE)) {
        book(requireHeader(fd).value);
        done.push(name);
        continue;
      }
      if (isSealed(fd)) recoverFile(u, fd, log);
      check(unlinkAt(u.scratch.undoFd, name), name);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      log('error', `A commit was interrupted, and the base file cannot be put right: ${error.message}`);
    } finally {
      if (fd >= 0) close(fd);
    }
  }
  finish();
  for (const name of done) unlinkAt(u.scratch.undoFd, name);
}

function journals(u: Union): string[] {
  const names: string[] = [];
  check(
    readDirectory(u.scratch.undoFd, '', (name) => names.push(name)),
    'undo',
  );
  return names;
}

function recoverFile(u: Union, fd: number, log: LogFunction): void {
  const journal = readJournal(fd);
  const { basePath } = journal.header;
  try {
    rollBack(u, fd, journal);
    log('warn', `A commit to ${basePath} was interrupted: its old bytes are back.`);
  } catch (error) {
    if (!(error instanceof FsError) || error.errno !== E.ENOENT) throw error;
    log('warn', `A commit to ${basePath} was interrupted, and the file is gone since.`);
  }
}

/** Base files that may be half written, because their journal could not be obeyed. */
export function unrecoveredFiles(u: Union): string[] {
  return journals(u).map((name) => {
    const fd = openRegular(u.scratch.undoFd, name, O_RDONLY);
    if (fd < 0) return name;
    try {
      return readHeader(fd)?.value.basePath ?? name;
    } finally {
      close(fd);
    }
  });
}

interface Entry {
  readonly offset: number;
  readonly length: number;
  /** Where its bytes are in the journal. */
  readonly at: number;
}

interface Journal {
  readonly header: UndoHeader;
  readonly entries: readonly Entry[];
}

/** Null when the file ends before. */
function readBytes(fd: number, length: number, at: number): Buffer | null {
  const bytes = Buffer.alloc(length);
  return check(pread(fd, bytes, length, at), 'undo journal') === length ? bytes : null;
}

function readHeader(fd: number): { value: UndoHeader; length: number } | null {
  const prefix = readBytes(fd, HEADER_PREFIX, 0);
  if (prefix === null) return null;
  const text = readBytes(fd, Math.min(prefix.readUInt32LE(0), MAX_HEADER), HEADER_PREFIX);
  if (text === null || crc32(text) !== prefix.readUInt32LE(4)) return null;
  const value = headerSchema.safeParse(parseJson(text.toString())).data;
  return value === undefined ? null : { value, length: HEADER_PREFIX + text.length };
}

/** @throws FsError EIO when it is damaged */
function requireHeader(fd: number): { value: UndoHeader; length: number } {
  const header = readHeader(fd);
  if (header === null) throw new FsError(E.EIO, 'its undo journal is damaged');
  return header;
}

/** Whether a journal was finished. Before, nothing was overwritten. */
function isSealed(fd: number): boolean {
  const stat = new Stat();
  check(statFd(fd, stat), 'undo journal');
  const at = stat.size - ENTRY_PREFIX;
  const last = at < 0 ? null : readBytes(fd, ENTRY_PREFIX, at);
  return last !== null && last.readBigUInt64LE(0) === SEAL && last.readBigUInt64LE(8) === BigInt(at);
}

/** Reads a sealed journal. @throws FsError EIO when it is damaged */
function readJournal(fd: number): Journal {
  const { value: header, length: start } = requireHeader(fd);
  const damaged = new FsError(E.EIO, `${header.basePath}: its undo journal is damaged`);
  const entries: Entry[] = [];
  for (let at = start; ;) {
    const prefix = readBytes(fd, ENTRY_PREFIX, at);
    if (prefix === null) throw damaged;
    if (prefix.readBigUInt64LE(0) === SEAL) return { header, entries };
    const length = prefix.readUInt32LE(8);
    // None is empty: a sparse file could else have more of them than the memory holds.
    const bytes = length === 0 || length > MAX_ENTRY ? null : readBytes(fd, length, at + ENTRY_PREFIX);
    if (bytes === null || crc32(bytes) !== prefix.readUInt32LE(12)) throw damaged;
    entries.push({ offset: Number(prefix.readBigUInt64LE(0)), length, at: at + ENTRY_PREFIX });
    at += ENTRY_PREFIX + length;
  }
}

function rollBack(u: Union, journal: number, { header, entries }: Journal): void {
  const layer = u.layers[header.layer];
  if (layer === undefined) throw new FsError(E.EIO, `${header.basePath}: its base is gone`);
  const root = u.dirFds.get(layer.root);
  const fd = check(openRegular(root, toBytes(header.basePath), O_RDWR, openBeneath), header.basePath);
  try {
    // Takes away what was written where the file had holes, which are not among the entries.
    check(ftruncate(fd, header.cut ?? header.size), header.basePath);
    check(ftruncate(fd, header.size), header.basePath);
    for (const entry of entries) {
      const bytes = readBytes(journal, entry.length, entry.at)!;
      check(pwriteAll(fd, bytes, bytes.length, entry.offset), header.basePath);
    }
    check(futimens(fd, header.atime, header.atimeNsec, header.mtime, header.mtimeNsec), header.basePath);
    check(fsync(fd), header.basePath);
    const stat = new Stat();
    check(statFd(fd, stat), header.basePath);
    u.commitTimes.note(header.layer, stat, 'kept');
  } finally {
    close(fd);
  }
}

/** What a journal must know of a base file. */
export function undoHeader(
  path: string,
  layer: number,
  basePath: string,
  node: Node,
  stat: Stat,
  cut: number,
): UndoHeader {
  const { size, atime, atimeNsec, mtime, mtimeNsec } = stat;
  return {
    layer,
    basePath: toText(basePath),
    path: toText(path),
    delta: node.record!.delta!,
    ...{ size, cut, atime, atimeNsec, mtime, mtimeNsec },
  };
}
