import { homedir } from 'node:os';
import { isWithin } from '../../protocol/paths';

interface Mounted {
  readonly mount: string;
}

/** Folders as people read them: what lies in the home directory starts with a tilde. */
export function shortPaths(folders: readonly string[]): string {
  const home = homedir();
  return folders
    .map((folder) => (folder.startsWith(`${home}/`) ? `~${folder.slice(home.length)}` : folder))
    .join(', ');
}

/** `path` relative to the mount that it lies in; empty for the mount itself. Both absolute and normalised. */
export function relativeTo(path: string, mount: string): string {
  return path.slice(mount.length).replace(/^\/+/, '');
}

/** The one of `workspaces` that holds `path`; of nested mounts the innermost. */
export function workspaceAt<W extends Mounted>(path: string, workspaces: readonly W[]): W | undefined {
  let innermost: W | undefined;
  for (const workspace of workspaces) {
    if (!isWithin(path, workspace.mount)) continue;
    if (!innermost || workspace.mount.length > innermost.mount.length) innermost = workspace;
  }
  return innermost;
}

/** Those of `workspaces` that hold one of `folders`, each once, in the order of the folders. */
export function shownIn<W extends Mounted>(folders: readonly string[], workspaces: readonly W[]): W[] {
  const shown = folders.map((folder) => workspaceAt(folder, workspaces));
  return [...new Set(shown)].filter((workspace) => workspace !== undefined);
}
