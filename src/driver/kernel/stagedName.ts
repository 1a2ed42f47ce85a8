/** The folder in the root of the mount that only the announcer sees. */
export const STAGING_NAME = '.cowspace-staging';

/** An entry of the mount: the node id of its directory, and its name there (a byte string). */
interface Entry {
  readonly parentId: number;
  readonly name: string;
}

/** How an entry that is to be announced is called in the staging folder; longer than any ordinary name may be. */
export function stagedName({ parentId, name }: Entry): string {
  return `${parentId}:${name}`;
}

/** The reverse; null for what is no such name. */
export function parseStagedName(staged: string): Entry | null {
  const [, parentId, name] = /^(\d+):(.+)$/s.exec(staged) ?? [];
  return parentId === undefined || name === undefined ? null : { parentId: Number(parentId), name };
}
