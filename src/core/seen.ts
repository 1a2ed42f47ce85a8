import { check } from '../sys/errno';
import { S_IFDIR, Stat, statAt } from '../sys/stat';
import type { Node } from './node';
import { isOrigin } from './origin';
import { dirOf, type Union } from './union';
import { setRecord } from './upperAccess';

/**
 * Until when users saw a base entry in whose place they put something else that was there before, by a rename or a link:
 * what a commit or anybody else did to the base until then is no conflict.
 */

/** A name in a directory of the union. */
export interface Place {
  readonly parent: Node;
  readonly name: string;
}

const stat = new Stat();

/**
 * Until when users see, at most, what the bases have in a place that another entry is about to take, in seconds since 1970:
 * infinite when they do now; null when they have nothing there, or it is not known.
 *
 * @param target what is there in the mount
 */
export function seenAt(u: Union, target: Node | null, { parent, name }: Place): number | null {
  const dir = u.firstWith(dirOf(parent).lowers, name, stat);
  if (dir === undefined) return null;
  if (target === null) {
    const { upper } = dirOf(parent);
    const hidden = upper !== null && statAt(u.dirFds.get(upper), name, stat) === 0;
    return hidden ? stat.mtime + stat.mtimeNsec / 1e9 : null;
  }
  if (!target.upper || (target.dir !== null && target.dir.lowers.length > 0)) return Infinity;
  const { record } = target;
  if (record === null || record.redirect !== null) return record?.coveredAt ?? null;
  return isOrigin(record.origin, { dir, name }, stat) ? Infinity : null;
}

/**
 * Notes until when users saw what a file hides in its new place. A record tells it of one place only: of what files with
 * several names hide, and did not change since it was seen, that is noted instead.
 */
export function noteSeen(u: Union, node: Node, { parent, name }: Place, seenUntil: number): void {
  const upper = u.upperPlace(node);
  check(statAt(upper.fd, upper.name, stat), node.path);
  if (stat.nlink === 1) {
    if (node.record === null || node.record.cover) return;
    setRecord(u, node, { ...node.record, coveredAt: Math.min(seenUntil, stat.ctime + stat.ctimeNsec / 1e9) });
    return;
  }
  const dir = u.firstWith(dirOf(parent).lowers, name, stat);
  if (dir === undefined || stat.type === S_IFDIR) return;
  const { nlink, mtime, mtimeNsec, ctime, ctimeNsec } = stat;
  // As a commit looks at it.
  const changedAt = nlink > 1 ? mtime + mtimeNsec / 1e9 : ctime + ctimeNsec / 1e9;
  const isWritten = u.commitTimes.isLast(dir.layer, stat, 'written');
  if (changedAt <= seenUntil && !isWritten) u.commitTimes.note(dir.layer, stat, 'seen');
}

/** What something that was renamed hides is about to be something else, or more than that. */
export function forgetCoveredAt(u: Union, node: Node): void {
  if (node.record?.coveredAt != null) setRecord(u, node, { ...node.record, coveredAt: null });
}
