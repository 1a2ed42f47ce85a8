/** Someone who is neither root nor the owner of anything, and a group that root is not in. */
export const stranger = { uid: 54_321, gid: 54_321 };

/**
 * Does something with another user's rights, and with no capability; needs root.
 * @param groups supplementary groups
 */
export function asStranger<T>(work: () => T, groups: readonly number[] = []): T {
  const own = process.getgroups!();
  process.setgroups!([...groups]);
  process.setegid!(stranger.gid);
  process.seteuid!(stranger.uid);
  try {
    return work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(own);
  }
}
