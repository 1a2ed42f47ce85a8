import type { Stat } from '../../sys/stat';

export const READ = 4;
export const WRITE = 2;
/** Of a directory: to use what is in it. */
export const SEARCH = 1;

/** Who asks, as the kernel knows a process. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Further groups. */
  readonly groups: readonly number[];
}

export function currentUser(): User {
  return { uid: process.getuid!(), gid: process.getgid!(), groups: process.getgroups!() };
}

/** Whether the mode of a file lets a user do all of `wanted`. Access control lists are not looked at. */
export function permits(stat: Stat, user: User, wanted: number): boolean {
  if (user.uid === 0) return true;
  const isGroups = stat.gid === user.gid || user.groups.includes(stat.gid);
  const shift = stat.uid === user.uid ? 6 : isGroups ? 3 : 0;
  return ((stat.mode >> shift) & wanted) === wanted;
}
