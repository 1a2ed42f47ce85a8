import { toBytes, toText } from '../sys/bytes';
import { FsError } from '../sys/errno';
import { BaseWriter } from './baseWriter';
import type { Changes } from './changes';
import { recoverUndo, type UndoHeader } from './delta/undo';
import { runToEnd } from './job';
import { type BaseMove, CommitJournal } from './journal';
import { bookOrigin, settleMove } from './settle';
import { forgetTemporaries, removeTemporaries } from './temporaries';
import { Stat } from '../sys/stat';
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
  // What is in the bases by now is booked as such before users change it again.
  if (interrupted) bookWritten(changes, log);
  forgetTemporaries(u);
}

function bookWritten(changes: Changes, log: LogFunction): void {
  try {
    runToEnd(changes.update());
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    log(
      'error',
      `Not all that a commit wrote before it was interrupted could be looked at: ${error.message}`,
    );
  }
}

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
