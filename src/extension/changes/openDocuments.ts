import { chmod, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path/posix';
import { workspace, type Disposable, type LogOutputChannel, type TextDocument } from 'vscode';
import { asCowspaceError } from '../../protocol/errors';
import { Disposables } from '../disposables';
import { relativeTo } from '../workspaces/location';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import type { TreeUpdate } from './changeTree';

/** Milliseconds that the editor has to notice by itself. */
const GRACE = 300;

/**
 * Keeps open files up to date with what the daemon does by itself (discard, undo, refresh). The kernel tells file
 * watchers only of what programs do in the mount, so something must be done there.
 */
export class OpenDocuments implements Disposable {
  private readonly disposables = new Disposables();
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly sessions: Sessions,
    private readonly log: LogOutputChannel,
  ) {
    this.disposables.add(
      sessions.onDidUpdate(({ session, update }) => {
        const documents = workspace.textDocuments.filter(
          ({ uri }) => sessions.holding(uri) === session && isTouched(session, uri.fsPath, update),
        );
        for (const document of documents) this.checkLater(document, setSameMode);
      }),
    );
  }

  dispose(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.disposables.dispose();
  }

  private checkLater(document: TextDocument, nudge: (path: string) => Promise<void>): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.check(document, nudge);
    }, GRACE);
    this.timers.add(timer);
  }

  private async check(document: TextDocument, nudge: (path: string) => Promise<void>): Promise<void> {
    try {
      if (!(await isOutdated(document))) return;
      await nudge(document.uri.fsPath);
      if (nudge === setSameMode && this.isChanged(document)) this.checkLater(document, setTimes);
    } catch (error) {
      // Gone, most likely: the editor shows that by itself.
      this.log.debug(`Cannot look at ${document.uri.fsPath}: ${asCowspaceError(error).message}`);
    }
  }

  private isChanged({ uri }: TextDocument): boolean {
    const session = this.sessions.holding(uri);
    return session?.tree.get(relativeTo(uri.fsPath, session.config.mount)) !== undefined;
  }
}

/** Changes nothing, and the editor looks at the file again. */
async function setSameMode(path: string): Promise<void> {
  const { mode } = await stat(path);
  await chmod(path, mode & 0o7777);
}

/** The editor takes a file whose time went back and forth (discard, then undo) for the one that it knows. */
async function setTimes(path: string): Promise<void> {
  const { atime } = await stat(path);
  await utimes(path, atime, new Date());
}

function isTouched(session: Session, path: string, update: TreeUpdate | null): boolean {
  if (!update) return true;
  let at = relativeTo(path, session.config.mount);
  while (at !== '.' && !update.paths.has(at)) at = dirname(at);
  return at !== '.';
}

async function isOutdated(document: TextDocument): Promise<boolean> {
  if (!isClean(document)) return false;
  const bytes = await workspace.fs.readFile(document.uri);
  const text = await workspace.decode(bytes, { encoding: document.encoding });
  return isClean(document) && text !== document.getText();
}

/** Unsaved edits are the user's: such a document is never outdated. */
function isClean({ isDirty, isClosed }: TextDocument): boolean {
  return !isDirty && !isClosed;
}
