import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readDirectory } from '../../src/sys/directory';
import { E } from '../../src/sys/errno';
import {
  AT_FDCWD,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_NONBLOCK,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
} from '../../src/sys/file';
import { S_IFDIR, S_IFIFO, S_IFREG, Stat, statAt, statFd } from '../../src/sys/stat';
import * as calls from '../conformance/calls';
import { Mapping } from '../conformance/memory';
import type { Random } from './random';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const XATTRS = ['user.a', 'user.b'];
/** Beyond the size from which on files are kept by block. */
const LARGE = 3 << 20;
/** A fifo must not keep who opens it waiting. */
const OPEN = O_NONBLOCK;
const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_TRUNC } = calls;

/** What an operation gave: a result or a negative error number, or what was read. */
type Outcome = number | string;

/** A directory in which one process works, and what it has open there. */
export class Workplace {
  readonly #root: string;
  readonly #random: Random;
  /** Open files that may have lost their names. */
  readonly #held = new Map<number, number>();

  constructor(root: string, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  /** Does operations, and returns for each how it ended: the same in every sound file system. */
  operate(count: number): string[] {
    const outcomes = Array.from({ length: count }, () => {
      const [name, operation] = this.#random.pick(this.#operations);
      return `${name} ${operation()}`;
    });
    for (const fd of this.#held.values()) calls.close(fd);
    this.#held.clear();
    return outcomes;
  }

  /** All depend on nothing but what the tree holds and on the random numbers. */
  readonly #operations: readonly (readonly [string, () => Outcome])[] = [
    ['mkdir', () => calls.mkdir(this.#path(), 0o700 + this.#below(0o100))],
    ['mkdir', () => calls.mkdir(this.#path())],
    ['mknod', () => calls.mknod(this.#path(), S_IFREG | 0o644)],
    ['mkfifo', () => calls.mknod(this.#path(), S_IFIFO | 0o640)],
    ['symlink', () => calls.symlink(this.#random.pick(NAMES), this.#path())],
    ['symlink', () => calls.symlink(String(this.#below(1e9)), this.#path())],
    ['link', () => calls.link(this.#path(), this.#path())],
    ['link', () => calls.link(this.#path(), this.#path())],
    ['unlink', () => calls.unlink(this.#path())],
    ['unlink', () => calls.unlink(this.#path())],
    ['rmdir', () => calls.rmdir(this.#path())],
    ['remove', () => (this.#below(10) === 0 ? removeAll(this.#path()) : 0)],
    ['rename', () => calls.rename(this.#path(), this.#path())],
    ['rename', () => calls.rename(this.#path(), this.#path())],
    ['rename noreplace', () => calls.rename(this.#path(), this.#path(), RENAME_NOREPLACE)],
    ['exchange', () => calls.rename(this.#path(), this.#path(), RENAME_EXCHANGE)],
    ['create', () => this.#write(O_WRONLY | O_CREAT | O_TRUNC, 0, 10 + this.#below(20_000))],
    ['create', () => this.#write(O_WRONLY | O_CREAT | O_TRUNC, 0, 10 + this.#below(20_000))],
    ['create new', () => this.#write(O_WRONLY | O_CREAT | O_EXCL, 0, this.#below(9_000))],
    ['create large', () => this.#write(O_WRONLY | O_CREAT, this.#below(LARGE), 5_000)],
    ['write', () => this.#write(O_WRONLY, this.#below(LARGE), 1 + this.#below(9_000))],
    ['write', () => this.#write(O_WRONLY, this.#below(20_000), 1 + this.#below(9_000))],
    ['save', () => this.#save()],
    ['copy', () => this.#copy()],
    ['copy range', () => this.#copyRange()],
    ['map', () => this.#map()],
    ['truncate', () => calls.truncate(this.#path(), this.#below(LARGE))],
    ['truncate', () => calls.truncate(this.#path(), this.#below(20_000))],
    ['fallocate', () => this.#allocate(0)],
    ['fallocate keep', () => this.#allocate(FALLOC_FL_KEEP_SIZE)],
    ['punch', () => this.#allocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)],
    ['zero', () => this.#allocate(FALLOC_FL_ZERO_RANGE)],
    ['fsync', () => this.#withFile(O_RDONLY, calls.fsync)],
    // Whoever runs the tests can go on to enter directories.
    ['chmod', () => calls.chmod(this.#path(), 0o700 + this.#below(0o100))],
    ['chown', () => calls.lchown(this.#path(), process.getuid!(), process.getgid!())],
    ['utimens', () => this.#setTimes()],
    ['setxattr', () => calls.setXattr(this.#path(), this.#xattr(), String(this.#below(1e9)))],
    ['removexattr', () => calls.removeXattr(this.#path(), this.#xattr())],
    ['read', () => this.#withFile(O_RDONLY, digest)],
    ['readdir', () => this.#list()],
    ['lstat', () => describe(this.#path())],
    ['hold', () => this.#hold()],
    ['hold', () => this.#hold()],
    ['write held', () => this.#withHeld((fd) => this.#fill(fd, this.#below(20_000), this.#below(9_000)))],
    ['write held', () => this.#withHeld((fd) => this.#fill(fd, this.#below(LARGE), this.#below(9_000)))],
    ['truncate held', () => this.#withHeld((fd) => calls.ftruncate(fd, this.#below(LARGE)))],
    ['read held', () => this.#withHeld(digest)],
    ['map held', () => this.#withHeld((fd) => this.#storeMapped(fd))],
  ];

  #below(end: number): number {
    return this.#random.below(end);
  }

  #path(): string {
    return join(this.#root, ...Array.from({ length: 1 + this.#below(3) }, () => this.#random.pick(NAMES)));
  }

  #xattr(): string {
    return this.#random.pick(XATTRS);
  }

  #withFile(flags: number, use: (fd: number) => Outcome): Outcome {
    return withFile(this.#path(), flags, use);
  }

  #withHeld(use: (fd: number) => Outcome): Outcome {
    const fd = this.#held.get(this.#below(4));
    return fd === undefined ? 'nothing' : use(fd);
  }

  /** Opens a file and, often, takes its name away. */
  #hold(): Outcome {
    const slot = this.#below(4);
    const path = this.#path();
    const fd = calls.open(path, O_RDWR | OPEN);
    if (fd < 0) return fd;
    const old = this.#held.get(slot);
    if (old !== undefined) calls.close(old);
    this.#held.set(slot, fd);
    return this.#below(2) === 0 ? calls.unlink(path) : 0;
  }

  #write(flags: number, offset: number, length: number): Outcome {
    return this.#withFile(flags, (fd) => this.#fill(fd, offset, length));
  }

  #fill(fd: number, offset: number, length: number): number {
    const bytes = Buffer.alloc(length, `${this.#below(1e9)} `);
    return calls.pwrite(fd, bytes, length, offset);
  }

  /** As editors do. */
  #save(): Outcome {
    const path = this.#path();
    const aside = `${path}~`;
    const written = withFile(aside, O_WRONLY | O_CREAT | O_TRUNC, (fd) => this.#fill(fd, 0, 5_000));
    return written === 5_000 ? calls.rename(aside, path) : written;
  }

  /** As `cp` does, which gives two files the same contents. */
  #copy(): Outcome {
    const [source, target] = [this.#path(), this.#path()];
    return withFile(source, O_RDONLY, (from) =>
      withFile(target, O_WRONLY | O_CREAT | O_TRUNC, (to) => {
        const size = sizeOf(from);
        for (let at = 0; at < size;) {
          const copied = calls.copyFileRange(from, at, to, at, size - at);
          if (copied <= 0) return copied;
          at += copied;
        }
        return size;
      }),
    );
  }

  #copyRange(): Outcome {
    const [source, target] = [this.#path(), this.#path()];
    const [fromOffset, toOffset, length] = [this.#below(20_000), this.#below(20_000), this.#below(9_000)];
    return withFile(source, O_RDONLY, (from) =>
      withFile(target, O_WRONLY, (to) => calls.copyFileRange(from, fromOffset, to, toOffset, length)),
    );
  }

  #map(): Outcome {
    return this.#withFile(O_RDWR, (fd) => this.#storeMapped(fd));
  }

  #storeMapped(fd: number): Outcome {
    const size = sizeOf(fd);
    const text = `${this.#below(1e9)} `.repeat(20);
    const offset = this.#below(Math.max(1, size - text.length));
    const flush = this.#below(2) === 0;
    if (size < text.length) return 'too short';
    const mapping = new Mapping(fd, size);
    const before = mapping.read(offset, text.length);
    mapping.write(offset, text);
    if (flush) mapping.sync();
    mapping.unmap();
    return before;
  }

  #allocate(mode: number): Outcome {
    const [offset, length] = [this.#below(LARGE), 1 + this.#below(20_000)];
    return this.#withFile(O_WRONLY, (fd) => calls.fallocate(fd, mode, offset, length));
  }

  #setTimes(): Outcome {
    const [atime, mtime, nanoseconds] = [this.#below(1e9), this.#below(1e9), this.#below(1e9)];
    return calls.utimens(this.#path(), atime, nanoseconds, mtime, nanoseconds);
  }

  #list(): Outcome {
    const path = this.#path();
    const there = typeOf(path);
    return there === S_IFDIR ? String(namesIn(path)) : there;
  }
}

function withFile(path: string, flags: number, use: (fd: number) => Outcome): Outcome {
  const fd = calls.open(path, flags | OPEN);
  if (fd < 0) return fd;
  try {
    return use(fd);
  } finally {
    calls.close(fd);
  }
}

function sizeOf(fd: number): number {
  const stat = new Stat();
  calls.succeeds(statFd(fd, stat));
  return stat.type === S_IFREG ? stat.size : 0;
}

function digest(fd: number): Outcome {
  const bytes = Buffer.allocUnsafe(sizeOf(fd));
  const length = calls.pread(fd, bytes, bytes.length, 0);
  return length < 0 ? length : createHash('sha1').update(bytes.subarray(0, length)).digest('hex');
}

/** The type bits of what a path leads to without following a symbolic link, or a negative error number. */
function typeOf(path: string): number {
  const stat = new Stat();
  const result = statAt(AT_FDCWD, path, stat);
  return result < 0 ? result : stat.type;
}

/** The names in a directory, sorted, or a negative error number. */
function namesIn(path: string): string[] | number {
  const names: string[] = [];
  const result = readDirectory(AT_FDCWD, path, (name) => names.push(name));
  return result < 0 ? result : names.sort();
}

function describe(path: string): Outcome {
  const stat = new Stat();
  const result = statAt(AT_FDCWD, path, stat);
  if (result < 0) return result;
  return `${stat.mode.toString(8)} ${stat.type === S_IFDIR ? '' : stat.size}`;
}

/** As `rm -r` does. */
function removeAll(path: string): number {
  const result = calls.unlink(path);
  if (result !== -E.EISDIR) return result;
  // What is discarded meanwhile may have been no directory before.
  const names = namesIn(path);
  if (typeof names === 'number') return names;
  for (const name of names) removeAll(join(path, name));
  return calls.rmdir(path);
}
