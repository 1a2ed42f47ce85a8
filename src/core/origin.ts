import type { Stat } from '../sys/stat';
import type { BasePlace } from './baseView';
import type { Origin } from './node';

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
    origin.mtime === stat.mtime &&
    origin.mtimeNsec === stat.mtimeNsec &&
    origin.mode === stat.mode &&
    origin.uid === stat.uid &&
    origin.gid === stat.gid
  );
}
