import { toBytes, toText } from '../sys/bytes';
import { BaseWriter } from './baseWriter';
import type { Changes } from './changes';
import { recoverUndo } from './delta/undo';
import type { LogLevel } from './engine';
import { CommitJournal } from './journal';
import { bookOrigin, settleMove } from './settle';
import { Stat } from '../sys/stat';
import type { Union } from './union';

/** Ends what a crash interrupted in a commit, before anybody sees the mount. */
export function recoverCommit(
  u: Union,
  changes: Changes,
  log: (level: LogLevel, message: string) => void,
): void {
  const unbooked = recoverUndo(u, (message) => log('warn', message));
  for (const { path } of unbooked) bookEntry(u, changes, toBytes(path));
  const journal = new CommitJournal(u.scratch);
  const move = journal.read();
  if (move === null) return;
  log(
    'warn',
    `A commit was interrupted while it renamed ${toText(move.from)} to ${toText(move.to)}: finishing it.`,
  );
  changes.at(move.path, (parent, name) => {
    const node = u.lookup(parent, name);
    if (node?.record?.redirect !== move.from) return;
    new BaseWriter(u, changes.bases).rename(move.from, move.to);
    settleMove(u, changes, node, move);
    u.release(node);
  });
  journal.end();
}

/** The base's file was written completely; the scratch shall know it as the one its blocks belong to. */
function bookEntry(u: Union, changes: Changes, path: string): void {
  changes.at(path, (parent, name) => {
    const node = u.lookup(parent, name);
    const basePath = node?.record?.redirect ?? changes.basePath(path);
    const place = basePath === null ? null : changes.bases.stat(basePath, new Stat());
    if (node === null || place === null) return;
    bookOrigin(u, node, place);
    u.release(node);
  });
}
