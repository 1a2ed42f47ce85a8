import { toBytes, toText } from '../sys/bytes';
import { FsError } from '../sys/errno';
import type { BasePlace } from './baseView';
import { BaseWriter } from './baseWriter';
import type { Changes } from './changes';
import { isCopyOf } from './compare';
import { recoverUndo, type UndoHeader } from './delta/undo';
import { runToEnd } from './job';
import { type BaseMove, CommitJournal } from './journal';
import type { Node } from './node';
import { bookOrigin, dropUpper, pruneDirectory, settleMove } from './settle';
import { forgetTemporaries, removeTemporaries } from './temporaries';
import { sameMtime, Stat } from '../sys/stat';
import type { LogFunction, Union } from './union';

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

/** Uses what the scratch has at a path, if a commit may have left it so: just as the base's. Returns whether it is so. */
function withWritten(
  u: Union,
  changes: Changes,
  path: string,
  use: (node: Node, place: BasePlace) => void,
): boolean {
  const found = changes.ifThere(path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node === null) return false;
    u.remember(node);
    try {
      const basePath = changes.basePath(path);
      const place = basePath === null ? null : changes.bases.stat(basePath, base);
      if (place === null || !node.upper || !isCopyOf(node, place, base)) return false;
      u.statBacking(node, mine);
      if (!sameMtime(mine, base)) return false;
      use(node, place);
      return true;
    } finally {
      u.forget(node.id, 1);
    }
  });
  return found ?? false;
}

const base = new Stat();
const mine = new Stat();

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
