import { check } from '../sys/errno';
import { close, ficlone, fsync, ftruncate, O_RDWR, pread, pwriteAll } from '../sys/file';
import { openRegular } from '../sys/regular';
import { Stat, statFd } from '../sys/stat';
import { type BasePlace, pathOf } from './baseView';
import type { BaseWriter, NewFile, Source } from './baseWriter';
import { copyRange } from './copyup';
import { openData } from './data';
import type { DeltaFile, Extent } from './delta/deltaFile';
import { deltaOf } from './delta/open';
import { UndoJournal, undoHeader } from './delta/undo';
import { dataStretches, type Seek, seekIn, type Stretch } from './holes';
import type { Job } from './job';
import type { Node } from './node';
import { isOrigin } from './origin';
import type { Union } from './union';

/** How a commit brings a file's bytes into the base, in steps between which the mount answers. */

/** What is written, and to where. */
export interface Target {
  /** A name that the scratch has of the node. */
  readonly path: string;
  readonly place: BasePlace;
  readonly source: Source;
  /** Whether the node is still what and where it was when the commit came to it. */
  readonly stays: () => boolean;
  /** Does what is left to do when the base has it; a crash before its end has the next start do it. */
  readonly finish: () => void;
}

const STEP = 16 << 20;
const CHUNK = 1 << 20;
const chunk = Buffer.allocUnsafeSlow(CHUNK);

/**
 * Writes a regular file to the base. Returns whether it was: not when it went elsewhere or was written to meanwhile,
 * which leaves the base's as it was.
 */
export function* writeContents(u: Union, writer: BaseWriter, node: Node, target: Target): Job<boolean> {
  const { place, source, stays, finish } = target;
  const delta = deltaOf(u, node)?.hold() ?? null;
  if (delta !== null) {
    try {
      const done = yield* patchBase(u, writer, node, delta, target);
      if (done !== null) return done;
    } finally {
      delta.close();
    }
  }
  const file = writer.beginFile(place);
  try {
    if (delta !== null) yield* copyDelta(node, delta, source.stat.size, file.fd);
    else yield* copyPlain(u, node, source.stat.size, file.fd);
    if (!stays()) {
      writer.abandonFile(file);
      return false;
    }
    if (delta === null) {
      writer.finishFile(file, source);
      finish();
    } else replaceBase(u, writer, node, file, target);
    return true;
  } catch (error) {
    writer.abandonFile(file);
    throw error;
  } finally {
    close(file.fd);
  }
}

/** Puts a new file in the place of the base's. After a crash in between, a journal says that the blocks are that one's. */
function replaceBase(u: Union, writer: BaseWriter, node: Node, file: NewFile, target: Target): void {
  const { path, place, source, finish } = target;
  const stat = new Stat();
  check(statFd(file.fd, stat), place.name);
  const header = undoHeader(path, place.dir.layer, pathOf(place), node, stat, stat.size);
  const replaced = { ino: stat.ino, origin: node.record!.origin };
  const journal = new UndoJournal(u.scratch, { ...header, ...replaced });
  try {
    journal.done();
    writer.finishFile(file, source);
    finish();
  } finally {
    journal.close(u);
  }
}

function* copyPlain(u: Union, node: Node, size: number, to: number): Job<void> {
  const from = openData(u, node);
  try {
    if (ficlone(from, to) === 0) return;
    check(ftruncate(to, size), node.path);
    for (const { start, end } of dataStretches(seekIn(from), 0, size)) {
      for (let at = start; at < end; at += STEP) {
        copyRange(from, to, at, Math.min(end, at + STEP));
        yield undefined;
      }
    }
  } finally {
    close(from);
  }
}

function* copyDelta(node: Node, delta: DeltaFile, size: number, to: number): Job<void> {
  check(ftruncate(to, size), node.path);
  const stretches = dataStretches(seekInDelta(delta), 0, size);
  for (const stretch of stretches) yield* copyStretch(delta, stretch, to);
}

/** Writes only what changed. Returns whether it did as {@link writeContents} does, or null when writing all is better. */
function* patchBase(
  u: Union,
  writer: BaseWriter,
  node: Node,
  delta: DeltaFile,
  target: Target,
): Job<boolean | null> {
  const { place } = target;
  const base = openRegular(u.dirFds.get(place.dir), place.name, O_RDWR);
  // A base that cannot be opened for writing may still let its file be replaced.
  if (base < 0) return null;
  try {
    const before = new Stat();
    check(statFd(base, before), place.name);
    // It takes the place of another file than the one that its unchanged bytes are in.
    if (node.record === null || !isOrigin(node.record.origin, place, before)) return null;
    const cloned = yield* patchClone(u, writer, node, delta, base, target);
    if (cloned !== null) return cloned;
    const cut = Math.min(delta.baseLimit, delta.size);
    const changed = [...changedExtents(delta, 0, delta.size)];
    const written = changed.flatMap((extent) => [...writtenStretches(delta, extent, cut)]);
    const lost = [...dataStretches(seekIn(base), cut, before.size)];
    if (bytesIn(written) + bytesIn(lost) > delta.size / 2) return null;
    return yield* patchInPlace(u, writer, node, delta, base, { ...target, before, cut, written, lost });
  } finally {
    close(base);
  }
}

/** Stretches of a delta that the scratch holds. */
export function* changedExtents(delta: DeltaFile, start: number, end: number): Generator<Extent> {
  for (let at = start; at < end;) {
    const extent = delta.extentAt(at, end);
    if (extent.changed) yield extent;
    at = extent.end;
  }
}

/** Shares all blocks with the old file, overwrites those that changed, and replaces it. */
function* patchClone(
  u: Union,
  writer: BaseWriter,
  node: Node,
  delta: DeltaFile,
  base: number,
  target: Target,
): Job<boolean | null> {
  const { place, stays } = target;
  const file = writer.beginFile(place);
  let finished = false;
  try {
    if (ficlone(base, file.fd) < 0) return null;
    const cut = Math.min(delta.baseLimit, delta.size);
    check(ftruncate(file.fd, cut), place.name);
    check(ftruncate(file.fd, delta.size), place.name);
    for (const extent of [...changedExtents(delta, 0, delta.size)]) {
      for (const stretch of writtenStretches(delta, extent, cut)) yield* copyStretch(delta, stretch, file.fd);
    }
    if (!stays()) return false;
    replaceBase(u, writer, node, file, target);
    finished = true;
    return true;
  } finally {
    if (!finished) writer.abandonFile(file);
    close(file.fd);
  }
}

interface Patch extends Target {
  readonly before: Stat;
  /** Where the base's file is cut off first. */
  readonly cut: number;
  /** What is written then. */
  readonly written: readonly Stretch[];
  /** What the cut takes from the base's file. */
  readonly lost: readonly Stretch[];
}

/** Overwrites the changed blocks of the base's file itself, after saving what they overwrite. */
function* patchInPlace(
  u: Union,
  writer: BaseWriter,
  node: Node,
  delta: DeltaFile,
  base: number,
  { path, place, source, stays, finish, before, cut, written, lost }: Patch,
): Job<boolean> {
  const header = undoHeader(path, place.dir.layer, pathOf(place), node, before, cut);
  const journal = new UndoJournal(u.scratch, header);
  const size = delta.size;
  try {
    for (const { start, end } of written) {
      yield* saveStretch(journal, base, { start, end: Math.min(end, cut) });
    }
    for (const stretch of lost) yield* saveStretch(journal, base, stretch);
    if (!stays()) return false;
    journal.seal();
    delta.baseInFlux = true;
    check(ftruncate(base, cut), place.name);
    check(ftruncate(base, size), place.name);
    for (const stretch of written) yield* copyStretch(delta, stretch, base);
    if (!stays()) return false;
    check(fsync(base), place.name);
    journal.done();
    // Only now, as the journal does not know the old mode, owner and attributes.
    writer.finishInPlace(base, place, source);
    check(fsync(base), place.name);
    finish();
    return true;
  } finally {
    delta.baseInFlux = false;
    // A commit that ends here half done leaves the base's file as it was.
    journal.close(u);
  }
}

function* saveStretch(journal: UndoJournal, base: number, { start, end }: Stretch): Job<void> {
  for (let at = start; at < end; at += CHUNK) {
    const length = check(pread(base, chunk, Math.min(CHUNK, end - at), at), 'undo journal');
    // Others cut the base's file off meanwhile.
    if (length === 0) return;
    journal.add(at, chunk.subarray(0, length));
    yield undefined;
  }
}

/**
 * What is to be written of a changed extent to a file that has the base's bytes up to `cut`, and from there on is one
 * hole, which then needs no zeros.
 */
function* writtenStretches(delta: DeltaFile, { start, end }: Stretch, cut: number): Generator<Stretch> {
  if (start < cut) yield { start, end: Math.min(end, cut) };
  yield* dataStretches(seekInDelta(delta), Math.max(start, cut), end);
}

function seekInDelta(delta: DeltaFile): Seek {
  return (offset, whence) => delta.seek(offset, whence);
}

function bytesIn(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { start, end }) => sum + end - start, 0);
}

function* copyStretch(delta: DeltaFile, { start, end }: Stretch, to: number): Job<void> {
  for (let at = start; at < end; at += CHUNK) {
    const length = delta.read(chunk, Math.min(CHUNK, end - at), at);
    check(pwriteAll(to, chunk, length, at), 'commit');
    yield undefined;
  }
}
