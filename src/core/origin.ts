import { sameMtime, type Stat } from '../sys/stat';
import type { BasePlace } from './baseView';
import type { Origin, UpperRecord } from './node';

/** The identity of an entry of a base, as it is now. */
export function originOf(layer: number, stat: Stat): Origin {
  const { ino, mode, uid, gid, size, mtime, mtimeNsec } = stat;
  return { layer, ino, mode, uid, gid, size, mtime, mtimeNsec };
}

/** Whether a base file is the one that was copied up, unchanged. */
export function isOrigin(origin: Origin, place: BasePlace, stat: Stat): boolean {
  return (
    origin.layer === place.dir.layer &&
    origin.ino === stat.ino &&
    origin.size === stat.size &&
    sameMtime(origin, stat) &&
    origin.mode === stat.mode &&
    origin.uid === stat.uid &&
    origin.gid === stat.gid
  );
}

/** The record of a whole copy of a base entry in its place, but for the given facts. */
export function recordOf(origin: Origin, facts: Partial<UpperRecord> = {}): UpperRecord {
  return { metacopy: false, cover: false, origin, delta: null, redirect: null, coveredAt: null, ...facts };
}
