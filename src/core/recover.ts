import { toText } from '../sys/bytes';
import { BaseWriter } from './baseWriter';
import type { Changes } from './changes';
import type { LogLevel } from './engine';
import { CommitJournal } from './journal';
import { settleMove } from './settle';
import type { Union } from './union';

/** Brings a rename in the bases to its end that a crash interrupted, before anybody sees the mount. */
export function recoverCommit(
  u: Union,
  changes: Changes,
  log: (level: LogLevel, message: string) => void,
): void {
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
