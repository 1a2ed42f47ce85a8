import type { Damage } from '../protocol/messages';
import { toText } from '../sys/bytes';
import { DamageError } from './damage';
import { damageOf } from './delta/open';
import { unrecoveredFiles } from './delta/undo';
import type { Job } from './job';
import type { Node } from './node';
import type { Union } from './union';

/**
 * Looks for files whose contents cannot be had: damaged records and block maps, block deltas whose base changed, base
 * files that an interrupted commit left half written. Reads no contents.
 */
export function* verify(u: Union): Job<Damage[]> {
  u.clearFresh();
  const found = unrecoveredFiles(u).map((path) => ({
    path,
    reason:
      'its file in the base is half written, and the journal to put it right is damaged or cannot be obeyed',
  }));
  yield* verifyDirectory(u, u.root, found);
  return found;
}

function* verifyDirectory(u: Union, dir: Node, found: Damage[]): Job<void> {
  for (const [name, { whiteout }] of [...u.upperNames(dir)]) {
    const node = whiteout ? null : u.lookup(dir, name);
    if (node === null) continue;
    u.remember(node);
    try {
      const reason = damageOf(u, node) ?? damageOnDisk(u, node);
      if (reason !== null) found.push({ path: toText(node.path), reason });
      else if (node.dir !== null) yield* verifyDirectory(u, node, found);
    } finally {
      u.forget(node.id, 1);
    }
    yield undefined;
  }
}

/** What a block map that is in use would not notice before the next start. */
function damageOnDisk(u: Union, { path, record }: Node): string | null {
  if (record?.delta == null) return null;
  try {
    u.deltas.verify(record.delta, path, record.origin.size);
    return null;
  } catch (error) {
    if (error instanceof DamageError) return error.reason;
    throw error;
  }
}
