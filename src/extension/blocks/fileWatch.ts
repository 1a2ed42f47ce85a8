import { EventEmitter, RelativePattern, Uri, workspace, type Disposable } from 'vscode';
import { Disposables } from '../disposables';
import { fileUri } from '../changes/uris';
import type { Change } from '../../protocol/messages';
import type { SessionState } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import type { ComparedFile } from './comparedFile';

/** Tells that a file may be another one now: what programs write, and what the daemon does by itself. */
export class FileWatch implements Disposable {
  private readonly disposables = new Disposables();
  private readonly didChange = this.disposables.add(new EventEmitter<void>());
  private readonly didChangeState = this.disposables.add(new EventEmitter<void>());
  readonly onDidChange = this.didChange.event;
  /** The daemon came or went. */
  readonly onDidChangeState = this.didChangeState.event;
  private lastChange: Change | undefined;
  private lastState: SessionState | undefined;
  private watcher: Disposable | undefined;

  constructor(
    private readonly file: ComparedFile,
    sessions: Sessions,
  ) {
    this.lastChange = file.change;
    this.disposables.add(sessions.onDidUpdate(() => this.compareChange()));
    this.disposables.add(sessions.onDidChange(() => this.compareState()));
    this.compareState();
  }

  dispose(): void {
    this.watcher?.dispose();
    this.disposables.dispose();
  }

  /** The list of changes holds another object for a file of which anything is different. */
  private compareChange(): void {
    const { change } = this.file;
    if (change === this.lastChange) return;
    this.lastChange = change;
    this.didChange.fire();
  }

  private compareState(): void {
    const state = this.file.session?.state;
    if (state === this.lastState) return;
    this.lastState = state;
    this.watcher?.dispose();
    // A watcher does not outlive the mount that it was made on.
    this.watcher = state === 'ready' ? this.watch() : undefined;
    this.didChangeState.fire();
  }

  private watch(): Disposable | undefined {
    const { session, path } = this.file;
    if (!session) return undefined;
    const file = fileUri(session.config, path);
    const { fsPath } = file;
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(Uri.joinPath(file, '..'), '*'));
    const tell = (uri: Uri): void => {
      if (uri.fsPath === fsPath) this.didChange.fire();
    };
    watcher.onDidChange(tell);
    watcher.onDidCreate(tell);
    watcher.onDidDelete(tell);
    return watcher;
  }
}
