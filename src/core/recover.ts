import { toBytes, toText } from '../sys/bytes';
import { check, FsError } from '../sys/errno';
import type { BasePlace } from './baseView';
import { BaseWriter } from './baseWriter';
import type { Changes } from './changes';
import { differInNames, isCopyOf } from './compare';
import { recoverUndo, type UndoHeader } from './delta/undo';
import { type Job, runToEnd } from './job';
import { type BaseMove, CommitJournal } from './journal';
import { isShown } from './linkCounts';
import { linkKey, numberKey } from './linkKeys';
import type { Node, Origin } from './node';
import { isOrigin } from './origin';
import { bookOrigin, dropUpper, followWritten, moveIndex, pruneDirectory, settleMove } from './settle';
import { forgetTemporaries, removeTemporaries } from './temporaries';
import { sameMtime, Stat, statAt } from '../sys/stat';
import type { LogFunction, Union } from './union';

/** Ends what a crash interrupted in a commit, before anybody sees the mount. */
export function recoverCommit(u: Union, changes: Changes, log: LogFunction): void {
  const interrupted = removeTemporaries(u);
  const booked: UndoHeader[] = [];
  const book = (header: UndoHeader): void => {
    if (bookEntry(u, changes, header)) booked.push(header);
  };
  recoverUndo(u, log, book, () => {
    const journal = new CommitJournal(u.scratch);
    const move = journal.read();
    if (move !== null) recoverMove(u, changes, journal, move, log);
    if (interrupted) {
      try {
        letGoOfWritten(u, changes, booked);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        log('error', `A commit was interrupted. What it wrote stays in the scratch too: ${error.message}`);
      }
    }
    forgetTemporaries(u);
  });
}

/** What the bases have by now leaves the scratch, before users change it again or somebody changes the bases. */
function letGoOfWritten(u: Union, changes: Changes, booked: readonly UndoHeader[]): void {
  const writer = new BaseWriter(u, changes.bases);
  try {
    // Only copies of what has several names: it takes one more look at everything.
    if (u.indexed.size > 0) runToEnd(finishNames(u, changes, writer, booked));
    const written = runToEnd(changes.updateForEqual()).filter((path) =>
      withWritten(u, changes, path, (_node, place) => {
        writer.touch(place.dir);
      }),
    );
    writer.flush();
    for (const path of written) {
      withWritten(u, changes, path, (node, place) => {
        const { parent } = node;
        const inode = { layer: place.dir.layer, ino: base.ino };
        if (dropUpper(u, node, inode) && parent !== null) pruneDirectory(u, parent);
      });
      changes.touchPath(path);
    }
  } finally {
    writer.end();
  }
}

/** What a commit wrote under some of several names comes under the others; what has it under all is the copy of that. */
function* finishNames(
  u: Union,
  changes: Changes,
  writer: BaseWriter,
  booked: readonly UndoHeader[],
): Job<void> {
  yield* changes.update();
  for (const { path, origin } of booked) {
    if (origin !== undefined) yield* finishBooked(u, changes, writer, toBytes(path), origin);
  }
  for (const [path, { kind }] of [...changes.below('')]) {
    if (kind !== 'metadata') continue;
    const key = withPlace(u, changes, path, ({ indexKey }, place) =>
      isFiledAs(u, linkKey(place.dir.layer, base), mine) ? FILED : indexKey,
    );
    if (key === null) continue;
    if (key !== FILED) yield* writer.links.read(key);
    const names = key === FILED ? [] : writer.links.named(key);
    withPlace(u, changes, path, (node, place) => {
      if (node.record === null || !differInNames(u, node, mine, place, base)) return;
      linkNames(u, changes, writer, node, place, names, node.record.origin);
    });
  }
  // What became equal by that, too.
  changes.touchAll();
}

/** The same for what knows already that it is the copy of what the base has by now. @param origin what it was before */
function* finishBooked(
  u: Union,
  changes: Changes,
  writer: BaseWriter,
  path: string,
  origin: Origin,
): Job<void> {
  const isBooked = (node: Node, place: BasePlace): boolean =>
    isFiledAs(u, linkKey(place.dir.layer, base), mine) && isCopyOf(node, place, base);
  const key = numberKey(origin.layer, origin.ino);
  if (!withPlace(u, changes, path, isBooked)) return;
  yield* writer.links.read(key);
  withPlace(u, changes, path, (node, place) => {
    linkNames(u, changes, writer, node, place, writer.links.named(key), origin);
  });
}

/** Instead of a key: the index has it as what the base has by now. */
const FILED = '';

/** Puts what the base has at a place under all names of the inode that it replaces, and books that, if it is possible. */
function linkNames(
  u: Union,
  changes: Changes,
  writer: BaseWriter,
  node: Node,
  place: BasePlace,
  names: readonly string[],
  origin: Origin,
): void {
  if (!names.every((name) => writeName(u, changes, writer, node, place, name, origin))) return;
  check(statAt(u.dirFds.get(place.dir), place.name, base), node.path);
  followWritten(u, node, place, base);
}

/** Puts what the base has at a place under a name of the inode that it replaces. Returns whether that is possible. */
function writeName(
  u: Union,
  changes: Changes,
  writer: BaseWriter,
  node: Node,
  place: BasePlace,
  name: string,
  origin: Origin,
): boolean {
  const other = changes.bases.stat(name, old);
  if (other === null || !isOrigin(origin, other, old)) return false;
  const shows = changes.isNameOf(node, changes.shownAt(name)) || isShown(u, changes, name, old);
  if (!shows) return false;
  writer.writeLink(other, place);
  return true;
}

/** Whether the index has this inode of the scratch under a key. */
function isFiledAs(u: Union, key: string, { ino }: Stat): boolean {
  return statAt(u.scratch.indexFd, key, indexed) === 0 && indexed.ino === ino;
}

/** Uses what the scratch has at a path, if a commit may have left it so: just as the base's. Returns whether it is so. */
function withWritten(
  u: Union,
  changes: Changes,
  path: string,
  use: (node: Node, place: BasePlace) => void,
): boolean {
  const found = withPlace(u, changes, path, (node, place) => {
    if (!isCopyOf(node, place, base) || !sameMtime(mine, base)) return false;
    use(node, place);
    return true;
  });
  return found ?? false;
}

/** Uses what the scratch and the base have at a path, and `base` and `mine`; null if one of them has nothing. */
function withPlace<T>(
  u: Union,
  changes: Changes,
  path: string,
  use: (node: Node, place: BasePlace) => T,
): T | null {
  return changes.ifThere(path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return null;
    u.remember(node);
    try {
      const basePath = changes.basePath(path);
      const place = basePath === null ? null : changes.bases.stat(basePath, base);
      if (place === null || !node.upper) return null;
      u.statBacking(node, mine);
      return use(node, place);
    } finally {
      u.forget(node.id, 1);
    }
  });
}

const base = new Stat();
const mine = new Stat();
const indexed = new Stat();
const old = new Stat();

function recoverMove(
  u: Union,
  changes: Changes,
  journal: CommitJournal,
  move: BaseMove,
  log: LogFunction,
): void {
  log(
    'warn',
    `A commit was interrupted while it renamed ${toText(move.from)} to ${toText(move.to)}: finishing it.`,
  );
  runToEnd(changes.update());
  try {
    finishMove(u, changes, move);
    journal.end();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    // The next start tries again: all else can be worked with.
    log('error', `It cannot be finished now: ${error.message}`);
  }
  // The update looked at what was half renamed.
  changes.touchAll();
}

function finishMove(u: Union, changes: Changes, move: BaseMove): void {
  changes.ifThere(move.path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return;
    // The entry's own record is the first to follow: what else leads there may not have.
    if (node.record?.redirect === move.from) new BaseWriter(u, changes.bases).rename(move.from, move.to);
    settleMove(u, changes, node, move);
    u.release(node);
  });
}

/** The base's file was written completely; the scratch shall know it as the one its blocks belong to. */
function bookEntry(u: Union, changes: Changes, { path, basePath, delta, ino }: UndoHeader): boolean {
  const stat = new Stat();
  return changes.at(toBytes(path), (parent, name) => {
    const node = u.lookup(parent, name);
    const place = changes.bases.stat(toBytes(basePath), stat);
    if (node === null || place === null) return false;
    const isWritten = (ino === undefined || ino === stat.ino) && node.record?.delta === delta;
    if (isWritten) {
      moveIndex(u, node, linkKey(place.dir.layer, stat));
      bookOrigin(u, node, place);
    }
    u.release(node);
    return isWritten;
  });
}
