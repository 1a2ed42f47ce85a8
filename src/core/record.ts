import { crc32 } from 'node:zlib';
import { E, FsError } from '../sys/errno';
import { unlinkAt } from '../sys/file';
import { readDirectory } from '../sys/directory';
import { DamageError } from './damage';
import { S_IFDIR, S_IFREG } from '../sys/stat';
import { readRegular, replaceRegular } from '../sys/regular';
import { getXattrAt, removeXattrAt, setXattrAt } from '../sys/xattr';
import type { UpperRecord } from './node';
import { isPlainPath } from './plainPath';

/** The attribute that carries a record. */
export const RECORD_XATTR = 'user.cowspace.record';

const VERSION = 1;
const METACOPY = 1;
const COVER = 2;
const REDIRECT = 4;
const DELTA = 8;
const COVERED = 16;
const FIXED = 52;
const TIME = 8;
const CHECKSUM = 4;
const MAX_RECORD = FIXED + 4096 + TIME + CHECKSUM;

/** The on-disk form, little-endian; docs/SCRATCH-FORMAT.md has the table. */
export function encodeRecord(record: UpperRecord): Buffer {
  const redirect = Buffer.from(record.redirect ?? '', 'latin1');
  const { origin, coveredAt } = record;
  const timeLength = coveredAt === null ? 0 : TIME;
  const out = Buffer.alloc(FIXED + redirect.length + timeLength + CHECKSUM);
  out.writeUInt8(VERSION, 0);
  out.writeUInt8(
    (record.metacopy ? METACOPY : 0) |
      (record.cover ? COVER : 0) |
      (record.redirect !== null ? REDIRECT : 0) |
      (record.delta !== null ? DELTA : 0) |
      (coveredAt !== null ? COVERED : 0),
    1,
  );
  out.writeUInt16LE(origin.layer, 2);
  out.writeUInt32LE(origin.mode, 4);
  out.writeUInt32LE(origin.uid, 8);
  out.writeUInt32LE(origin.gid, 12);
  out.writeBigUInt64LE(BigInt(origin.ino), 16);
  out.writeBigUInt64LE(BigInt(origin.size), 24);
  out.writeBigInt64LE(BigInt(origin.mtime), 32);
  out.writeUInt32LE(origin.mtimeNsec, 40);
  out.write(record.delta ?? '', 44, 'hex');
  redirect.copy(out, FIXED);
  if (coveredAt !== null) out.writeDoubleLE(coveredAt, FIXED + redirect.length);
  out.writeUInt32LE(crc32(out.subarray(0, -CHECKSUM)), out.length - CHECKSUM);
  return out;
}

/** @param what names the file in the error. @throws DamageError also for one of a newer version */
export function decodeRecord(bytes: Buffer, what: string): UpperRecord {
  const damaged =
    bytes.length < FIXED + CHECKSUM ||
    bytes.readUInt32LE(bytes.length - CHECKSUM) !== crc32(bytes.subarray(0, -CHECKSUM));
  if (damaged) throw new DamageError(what, 'its scratch record is damaged');
  const version = bytes.readUInt8(0);
  if (version !== VERSION)
    throw new DamageError(what, `its scratch record is of version ${version}, not ${VERSION}`);
  const flags = bytes.readUInt8(1);
  const end = bytes.length - CHECKSUM - (flags & COVERED ? TIME : 0);
  const redirect = bytes.toString('latin1', FIXED, end);
  if (flags & REDIRECT && !isPlainPath(redirect)) {
    throw new DamageError(what, 'its scratch record redirects to an invalid path');
  }
  return {
    metacopy: (flags & METACOPY) !== 0,
    cover: (flags & COVER) !== 0,
    origin: {
      layer: bytes.readUInt16LE(2),
      mode: bytes.readUInt32LE(4),
      uid: bytes.readUInt32LE(8),
      gid: bytes.readUInt32LE(12),
      ino: Number(bytes.readBigUInt64LE(16)),
      size: Number(bytes.readBigUInt64LE(24)),
      mtime: Number(bytes.readBigInt64LE(32)),
      mtimeNsec: bytes.readUInt32LE(40),
    },
    delta: flags & DELTA ? bytes.toString('hex', 44, FIXED) : null,
    redirect: flags & REDIRECT ? redirect : null,
    coveredAt: flags & COVERED ? bytes.readDoubleLE(end) : null,
  };
}

/**
 * Reads and writes records. Regular files and directories carry theirs in an extended attribute, which moves with
 * them; symbolic links and special files, which Linux gives no user attributes, have a file named by their inode.
 */
export class RecordStore {
  readonly #dirFd: number;
  /** Inode numbers that have a record file. */
  readonly #files = new Set<number>();

  /** @param dirFd the scratch's folder for record files */
  constructor(dirFd: number) {
    this.#dirFd = dirFd;
    readDirectory(dirFd, '', (name) => {
      if (/^\d+$/.test(name)) this.#files.add(Number(name));
      else unlinkAt(dirFd, name);
    });
  }

  /** Whether no inode has a record file. */
  get isEmpty(): boolean {
    return this.#files.size === 0;
  }

  get(dirFd: number, name: string, type: number, ino: number): UpperRecord | null {
    if (carriesRecord(type)) return readRecord(dirFd, name);
    return this.#files.has(ino) ? this.#readFile(name, ino) : null;
  }

  /** As {@link get}; null also for a record that is damaged. */
  getSound(dirFd: number, name: string, type: number, ino: number): UpperRecord | null {
    try {
      return this.get(dirFd, name, type, ino);
    } catch (error) {
      if (error instanceof DamageError) return null;
      throw error;
    }
  }

  /** Stores or, with null, removes a record; atomic. Returns 0 or a negative errno. */
  set(dirFd: number, name: string, type: number, ino: number, record: UpperRecord | null): number {
    if (carriesRecord(type)) return setOrRemoveXattr(dirFd, name, record);
    return record === null ? this.#removeFile(ino) : this.#writeFile(ino, record);
  }

  /** Drops the record file of an inode that is gone. */
  forget(ino: number): void {
    this.#removeFile(ino);
  }

  #readFile(what: string, ino: number): UpperRecord {
    const bytes = readRegular(this.#dirFd, String(ino), MAX_RECORD);
    if (bytes === -E.EFBIG || bytes === -E.EINVAL || bytes === -E.ELOOP)
      throw new DamageError(what, 'its scratch record is damaged');
    if (typeof bytes === 'number') throw new FsError(-bytes, `${what}: reading its scratch record`);
    return decodeRecord(bytes, what);
  }

  #writeFile(ino: number, record: UpperRecord): number {
    const result = replaceRegular(this.#dirFd, String(ino), encodeRecord(record), false);
    if (result === 0) this.#files.add(ino);
    return result;
  }

  #removeFile(ino: number): number {
    if (this.#files.delete(ino)) unlinkAt(this.#dirFd, String(ino));
    return 0;
  }
}

/** The record in a file's attribute. @throws DamageError */
function readRecord(dirFd: number, name: string): UpperRecord | null {
  const length = getXattrAt(dirFd, name, RECORD_XATTR, buffer);
  if (length === -E.ENODATA || length === -E.ENOTSUP) return null;
  if (length === -E.ERANGE) throw new DamageError(name, 'its scratch record is damaged');
  if (length < 0) throw new FsError(-length, `${name}: reading its scratch record`);
  return decodeRecord(buffer.subarray(0, length), name);
}

const buffer = Buffer.alloc(MAX_RECORD);

/** Whether an inode of this type has its record in an attribute, not in a file. */
export function carriesRecord(type: number): boolean {
  return type === S_IFREG || type === S_IFDIR;
}

function setOrRemoveXattr(dirFd: number, name: string, record: UpperRecord | null): number {
  if (record !== null) return setXattrAt(dirFd, name, RECORD_XATTR, encodeRecord(record));
  const result = removeXattrAt(dirFd, name, RECORD_XATTR);
  return result === -E.ENODATA ? 0 : result;
}
