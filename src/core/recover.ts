import { toBytes, toText } from '../sys/bytes';
import { FsError } from '../sys/errno';
import { BaseLinks } from './baseLinks';
import type { BasePlace } from './baseView';
import { BaseWriter } from './baseWriter';
import type { Changes } from './changes';
import { isCopyOf } from './compare';
import { recoverUndo, type UndoHeader } from './delta/undo';
import { type Job, runToEnd } from './job';
import { type BaseMove, CommitJournal } from './journal';
import type { Node } from './node';
import { bookOrigin, dropUpper, followWritten, pruneDirectory, settleMove } from './settle';
import { forgetTemporaries, removeTemporaries } from './temporaries';
import { sameMtime, Stat, statAt } from '../sys/stat';
import { linkKey, type LogFunction, type Union } from './union';

/** Ends what a crash interrupted in a commit, before anybody sees the mount. */
export function recoverCommit(u: Union, changes: Changes, log: LogFunction): void {
  const interrupted = removeTemporaries(u);
  recoverUndo(u, log, (header) => {
    bookEntry(u, changes, header);
  });
  const journal = new CommitJournal(u.scratch);
  const move = journal.read();
  if (move !== null) recoverMove(u, changes, journal, move, log);
  if (interrupted) {
    try {
      letGoOfWritten(u, changes);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      log('error', `A commit was interrupted. What it wrote stays in the scratch too: ${error.message}`);
    }
  }
  forgetTemporaries(u);
}

/** What the bases have by now leaves the scratch, before users change it again or somebody changes the bases. */
function letGoOfWritten(u: Union, changes: Changes): void {
  // Only copies of what has several names: it takes one more look at everything.
  if (u.indexed.size > 0) runToEnd(followReplaced(u, changes));
  const writer = new BaseWriter(u, changes.bases);
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
}

/** What several names shared, and a commit has written under all of them, is the copy of that from now on. */
function* followReplaced(u: Union, changes: Changes): Job<void> {
  yield* changes.update();
  const links = new BaseLinks(u);
  for (const [path, { kind }] of [...changes.below('')]) {
    if (kind !== 'metadata') continue;
    const here = withPlace(u, changes, path, ({ indexKey }, place) => ({
      key: indexKey,
      isFiled: isFiledAs(u, linkKey(place.dir.layer, base.ino), mine),
    }));
    if (here === null || !(here.isFiled || (yield* isGone(links, here.key)))) continue;
    withPlace(u, changes, path, (node, place) => {
      followWritten(u, node, place, base, mine);
    });
  }
  // What became equal by that, too.
  changes.touchAll();
}

/** Whether the base inode with a key has no names any more. */
function* isGone(links: BaseLinks, key: string | null): Job<boolean> {
  if (key === null) return false;
  yield* links.read(key);
  return links.named(key).length === 0;
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
function bookEntry(u: Union, changes: Changes, { path, basePath, delta, ino }: UndoHeader): void {
  const stat = new Stat();
  changes.at(toBytes(path), (parent, name) => {
    const node = u.lookup(parent, name);
    const place = changes.bases.stat(toBytes(basePath), stat);
    if (node === null || place === null) return;
    const isWritten = ino === undefined || ino === stat.ino;
    if (isWritten && node.record?.delta === delta) bookOrigin(u, node, place);
    u.release(node);
  });
}
