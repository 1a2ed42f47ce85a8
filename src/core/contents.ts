import { check, E, FsError } from '../sys/errno';
import { close, ficlone, fsync, ftruncate, O_RDWR, pread, pwrite } from '../sys/file';
import { openRegular } from '../sys/regular';
import { Stat, statFd } from '../sys/stat';
import type { BasePlace } from './baseView';
import type { BaseWriter, Source } from './baseWriter';
import { copyRange } from './copyup';
import { openData, read } from './data';
import type { DeltaFile, Extent } from './delta/deltaFile';
import { deltaOf } from './delta/open';
import { UndoJournal, undoHeader } from './delta/undo';
import type { Job } from './job';
import { joinPath, type Node } from './node';
import { isOrigin } from './plan';
import { bookOrigin } from './settle';
import type { Union } from './union';

/** How a commit brings a file's bytes into the base, in steps between which the mount answers. */

const STEP = 16 << 20;
const CHUNK = 1 << 20;
const chunk = Buffer.allocUnsafeSlow(CHUNK);

/**
 * Writes a regular file to the base. Returns whether it was: not when it went elsewhere or was written to meanwhile,
 * which leaves the base's as it was.
 *
 * @param stays says whether the node is still what and where it was when the commit came to it
 */
export function* writeContents(
  u: Union,
  writer: BaseWriter,
  node: Node,
  place: BasePlace,
  source: Source,
  stays: () => boolean,
): Job<boolean> {
  const delta = deltaOf(u, node)?.hold() ?? null;
  if (delta !== null) {
    try {
      const done = yield* patchBase(u, writer, node, delta, { place, source, stays });
      if (done !== null) return done;
    } finally {
      delta.close();
    }
  }
  const file = writer.beginFile(place);
  try {
    if (delta !== null) yield* copyDelta(u, node, source.stat.size, file.fd);
    else yield* copyPlain(u, node, source.stat.size, file.fd);
    if (!stays()) {
      writer.abandonFile(file);
      return false;
    }
    writer.finishFile(file, source);
    return true;
  } catch (error) {
    writer.abandonFile(file);
    throw error;
  } finally {
    close(file.fd);
  }
}

function* copyPlain(u: Union, node: Node, size: number, to: number): Job<void> {
  const from = openData(u, node);
  try {
    if (ficlone(from, to) === 0) return;
    check(ftruncate(to, size), node.path);
    for (let at = 0; at < size; at += STEP) {
      if (at > 0) yield undefined;
      copyRange(from, to, at, Math.min(size, at + STEP));
    }
  } finally {
    close(from);
  }
}

function* copyDelta(u: Union, node: Node, size: number, to: number): Job<void> {
  check(ftruncate(to, size), node.path);
  for (let at = 0; at < size; at += CHUNK) {
    if (at > 0) yield undefined;
    const length = read(u, node, chunk, Math.min(CHUNK, size - at), at);
    writeAll(to, chunk, length, at);
  }
}

interface Target {
  readonly place: BasePlace;
  readonly source: Source;
  readonly stays: () => boolean;
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
    const cloned = yield* patchClone(writer, delta, base, target);
    if (cloned !== null) return cloned;
    const changed = [...changedExtents(delta, 0, delta.size)];
    const lost = Math.max(0, before.size - delta.baseLimit);
    const cost = changed.reduce((sum, { start, end }) => sum + end - start, lost);
    if (cost > delta.size / 2) return null;
    return yield* patchInPlace(u, writer, node, delta, base, { ...target, before, changed });
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
  writer: BaseWriter,
  delta: DeltaFile,
  base: number,
  { place, source, stays }: Target,
): Job<boolean | null> {
  const file = writer.beginFile(place);
  let finished = false;
  try {
    if (ficlone(base, file.fd) < 0) return null;
    check(ftruncate(file.fd, Math.min(delta.baseLimit, delta.size)), place.name);
    check(ftruncate(file.fd, delta.size), place.name);
    for (const extent of [...changedExtents(delta, 0, delta.size)]) {
      yield* copyExtent(delta, extent, file.fd);
    }
    if (!stays()) return false;
    writer.finishFile(file, source);
    finished = true;
    return true;
  } finally {
    if (!finished) writer.abandonFile(file);
    close(file.fd);
  }
}

interface Patch extends Target {
  readonly before: Stat;
  readonly changed: readonly Extent[];
}

/** Overwrites the changed blocks of the base's file itself, after saving what they overwrite. */
function* patchInPlace(
  u: Union,
  writer: BaseWriter,
  node: Node,
  delta: DeltaFile,
  base: number,
  { place, source, stays, before, changed }: Patch,
): Job<boolean> {
  const basePath = joinPath(place.dir.path, place.name);
  const journal = new UndoJournal(u.scratch, undoHeader(place.dir.layer, basePath, node, before));
  const size = delta.size;
  const tail = { start: Math.min(size, delta.baseLimit), end: before.size, changed: true };
  try {
    for (const extent of [...changed, tail]) yield* saveExtent(journal, base, extent, before.size);
    if (!stays()) return false;
    journal.seal();
    delta.baseInFlux = true;
    check(ftruncate(base, Math.min(delta.baseLimit, size)), place.name);
    check(ftruncate(base, size), place.name);
    for (const extent of changed) yield* copyExtent(delta, extent, base);
    if (!stays()) return false;
    check(fsync(base), place.name);
    journal.done();
    // Only now, as the journal does not know the old mode, owner and attributes.
    writer.finishInPlace(base, place, source);
    check(fsync(base), place.name);
    bookOrigin(u, node, place);
    return true;
  } finally {
    delta.baseInFlux = false;
    // A commit that ends here half done leaves the base's file as it was.
    journal.close(u);
  }
}

function* saveExtent(journal: UndoJournal, base: number, extent: Extent, size: number): Job<void> {
  const end = Math.min(extent.end, size);
  for (let at = extent.start; at < end; at += CHUNK) {
    const length = check(pread(base, chunk, Math.min(CHUNK, end - at), at), 'undo journal');
    // Others cut the base's file off meanwhile.
    if (length === 0) return;
    journal.add(at, chunk.subarray(0, length));
    yield undefined;
  }
}

function* copyExtent(delta: DeltaFile, extent: Extent, to: number): Job<void> {
  for (let at = extent.start; at < extent.end; at += CHUNK) {
    const length = delta.read(chunk, Math.min(CHUNK, extent.end - at), at);
    writeAll(to, chunk, length, at);
    yield undefined;
  }
}

function writeAll(fd: number, bytes: Buffer, length: number, offset: number): void {
  const written = check(pwrite(fd, bytes, length, offset), 'commit');
  if (written < length) throw new FsError(E.ENOSPC, 'commit');
}
