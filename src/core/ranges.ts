import { CowspaceError } from '../protocol/errors';
import type { BlockSummary, RangePage } from '../protocol/messages';
import { toText } from '../sys/bytes';
import { check } from '../sys/errno';
import { close, pread, pwriteAll } from '../sys/file';
import { S_IFREG, Stat } from '../sys/stat';
import type { BasePlace } from './baseView';
import type { Changes } from './changes';
import { peek, seekInNode } from './data';
import { deltaOf } from './delta/open';
import { seekIn, skipCommonHole, skipShared } from './holes';
import type { Job } from './job';
import type { Node } from './node';
import { openSharing } from './sharing';
import { openUpper } from './upperAccess';
import type { Union } from './union';

/** Which bytes of a file differ from its base's. The block map tells where to look, the contents decide. */

/** Equal bytes between two differences that are too few to tell them apart. */
const GAP = 64;
const CHUNK = 1 << 20;
const mineBuffer = Buffer.allocUnsafeSlow(CHUNK);
const baseBuffer = Buffer.allocUnsafeSlow(CHUNK);

interface Sides {
  readonly node: Node;
  readonly size: number;
  readonly baseFd: number;
  readonly baseSize: number;
  /** What the scratch has, when that may share blocks with the base's file; else -1. */
  readonly sharingFd: number;
}

export interface RangeQuery {
  readonly path: string;
  /** Where to begin, bytes. */
  readonly offset: number;
  /** How many ranges at the most. */
  readonly limit: number;
}

/**
 * Lists changed ranges in order.
 *
 * @throws CowspaceError `not-found` for what is no regular file on the scratch's side
 */
export function* changedRanges(u: Union, changes: Changes, query: RangeQuery): Job<RangePage> {
  const sides = openSides(u, changes, query.path);
  try {
    const ranges: { offset: number; length: number }[] = [];
    for (const found of differences(u, sides, query.offset, sides.size)) {
      if (found === null) {
        yield undefined;
        continue;
      }
      const last = ranges.at(-1);
      if (last !== undefined && found.start - (last.offset + last.length) < GAP) {
        last.length = found.end - last.offset;
      } else if (ranges.length === query.limit) {
        return { ranges, next: found.start, size: sides.size, baseSize: sides.baseSize };
      } else {
        ranges.push({ offset: found.start, length: found.end - found.start });
      }
    }
    return { ranges, next: null, size: sides.size, baseSize: sides.baseSize };
  } finally {
    closeSides(u, sides);
  }
}

export interface SummaryQuery {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  /** Into how many equal parts the stretch is divided. */
  readonly cells: number;
}

/** How many bytes of each part of a stretch lie in changed blocks: for a map of the file, not exact to the byte. */
export function* blockSummary(u: Union, changes: Changes, query: SummaryQuery): Job<BlockSummary> {
  const sides = openSides(u, changes, query.path);
  try {
    const end = Math.min(query.offset + query.length, sides.size);
    const span = Math.max(1, Math.ceil(query.length / query.cells));
    const cells = new Array<number>(Math.max(0, Math.ceil((end - query.offset) / span))).fill(0);
    const add = (start: number, stop: number): void => {
      for (let at = start; at < stop;) {
        const cell = Math.floor((at - query.offset) / span);
        const cellEnd = Math.min(stop, query.offset + (cell + 1) * span);
        cells[cell] = (cells[cell] ?? 0) + cellEnd - at;
        at = cellEnd;
      }
    };
    const delta = deltaOf(u, sides.node);
    if (delta === null) {
      for (const found of differences(u, sides, query.offset, end)) {
        if (found === null) yield undefined;
        else add(found.start, found.end);
      }
    } else {
      for (let at = query.offset; at < end;) {
        const extent = delta.extentAt(at, end);
        if (extent.changed) add(at, extent.end);
        at = extent.end;
      }
    }
    return { span, cells, size: sides.size, baseSize: sides.baseSize };
  } finally {
    closeSides(u, sides);
  }
}

/**
 * Puts the base's bytes back between two offsets, as far as base and file reach.
 *
 * @throws CowspaceError `not-found`; `usage` for a range beyond either's end
 */
export function* discardRange(
  u: Union,
  changes: Changes,
  path: string,
  offset: number,
  length: number,
): Job<void> {
  const sides = openSides(u, changes, path);
  const delta = deltaOf(u, sides.node)?.hold();
  try {
    // Its bytes are the base's already.
    if (!sides.node.upper || sides.node.record?.metacopy) return;
    const end = Math.min(offset + length, sides.size, sides.baseSize);
    if (end <= offset) {
      const text = toText(path);
      throw new CowspaceError('usage', `${text}: its base has nothing to put at offset ${offset}.`, {
        path: text,
      });
    }
    for (let at = offset; at < end; at += CHUNK) {
      const stop = Math.min(end, at + CHUNK);
      if (delta === undefined) overwrite(u, sides, at, stop);
      else delta.revert(at, stop);
      yield undefined;
    }
    delta?.release(offset, end);
    u.invalidator.inode(sides.node.id, offset, length);
    u.observer.touchNode(sides.node);
  } finally {
    delta?.close();
    closeSides(u, sides);
  }
}

function overwrite(u: Union, { node, baseFd }: Sides, start: number, end: number): void {
  const stat = new Stat();
  u.statBacking(node, stat);
  // Others may have cut it off since.
  const length = Math.min(end, stat.size) - start;
  if (length <= 0) return;
  const got = check(pread(baseFd, baseBuffer, length, start), node.path);
  const fd = openUpper(u, node);
  const result = pwriteAll(fd, baseBuffer, got, start);
  close(fd);
  check(result, node.path);
}

interface Difference {
  readonly start: number;
  readonly end: number;
}

/** Differing stretches in order, exact to the byte; null after each chunk of work. */
function* differences(
  u: Union,
  sides: Sides,
  from: number,
  to: number,
): Generator<Difference | null, void, void> {
  const { node, baseFd, baseSize, sharingFd } = sides;
  if (node.record?.metacopy) return;
  const delta = deltaOf(u, node);
  const shared = Math.min(to, baseSize);
  for (let at = from; at < shared;) {
    const extent = delta?.extentAt(at, shared) ?? { end: shared, changed: true };
    let start = extent.end;
    if (extent.changed) start = skipCommonHole(seekInNode(u, node), seekIn(baseFd), at, extent.end);
    if (start === at && sharingFd >= 0) start = skipShared(sharingFd, baseFd, at, extent.end);
    const end = Math.min(extent.end, start + CHUNK);
    if (start < end) {
      yield* compareChunk(u, sides, start, end);
      yield null;
    }
    at = end;
  }
  // What the base does not reach need not be read.
  const start = Math.max(from, baseSize);
  if (start < to) yield { start, end: to };
}

function* compareChunk(
  u: Union,
  { node, baseFd }: Sides,
  start: number,
  end: number,
): Generator<Difference, void, void> {
  const mine = peek(u, node, mineBuffer, end - start, start);
  const base = baseFd < 0 ? 0 : check(pread(baseFd, baseBuffer, end - start, start), node.path);
  const both = Math.min(mine, base);
  // Found first, told later: whoever listens may use the buffers.
  const found: Difference[] = [];
  if (mineBuffer.compare(baseBuffer, 0, both, 0, both) !== 0) {
    for (let at = 0; at < both;) {
      while (at < both && mineBuffer[at] === baseBuffer[at]) at++;
      if (at === both) break;
      const begin = at;
      let equal = 0;
      while (at < both && equal < GAP) equal = mineBuffer[at] === baseBuffer[at++] ? equal + 1 : 0;
      found.push({ start: start + begin, end: start + at - equal });
    }
  }
  if (mine > base) found.push({ start: start + base, end: start + mine });
  yield* found;
}

function openSides(u: Union, changes: Changes, path: string): Sides {
  const stat = new Stat();
  const node = changes.at(path, (parent, name) => {
    const found = u.lookup(parent, name);
    if (found !== null) u.remember(found);
    return found;
  });
  if (node?.type !== S_IFREG) {
    if (node !== null) u.forget(node.id, 1);
    throw new CowspaceError('not-found', `${toText(path)} is no regular file.`, { path: toText(path) });
  }
  u.clearFresh();
  u.statBacking(node, stat);
  const { size } = stat;
  changes.bases.clear();
  const basePath = node.record?.redirect ?? changes.basePath(path);
  const place: BasePlace | null = basePath === null ? null : changes.bases.stat(basePath, stat);
  if (place === null || stat.type !== S_IFREG) return { node, size, baseFd: -1, baseSize: 0, sharingFd: -1 };
  const baseSize = stat.size;
  const baseFd = changes.bases.open(place);
  return { node, size, baseFd, baseSize, sharingFd: openSharing(u, node, stat) };
}

function closeSides(u: Union, { node, baseFd, sharingFd }: Sides): void {
  for (const fd of [baseFd, sharingFd]) if (fd >= 0) close(fd);
  u.forget(node.id, 1);
}
