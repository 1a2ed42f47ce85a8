import {
  EventEmitter,
  FileDecoration,
  window,
  type Disposable,
  type FileDecorationProvider,
  type Uri,
} from 'vscode';
import type { ChangeKind } from '../../protocol/messages';
import { schemes } from '../contributions';
import { Disposables } from '../disposables';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import { relativeTo } from '../workspaces/location';
import type { TreeUpdate } from './changeTree';
import { kindPresentations } from './kinds';
import { fileUri, hasUri, kindOfUri } from './uris';

/** The editor asks anew for everything it shows when told of more URIs than this. */
const MAX_URIS = 250;

/** Badges and colours for the rows of the Changes view and for the files of the mount in the explorer. */
export class ChangeDecorations implements FileDecorationProvider, Disposable {
  private readonly disposables = new Disposables();
  private readonly didChange = this.disposables.add(new EventEmitter<Uri[] | undefined>());
  readonly onDidChangeFileDecorations = this.didChange.event;

  constructor(private readonly sessions: Sessions) {
    this.disposables.add(window.registerFileDecorationProvider(this));
    this.disposables.add(sessions.onDidChange(() => this.didChange.fire(undefined)));
    this.disposables.add(sessions.onDidUpdate(({ session, update }) => this.update(session, update)));
  }

  dispose(): void {
    this.disposables.dispose();
  }

  provideFileDecoration(uri: Uri): FileDecoration | undefined {
    if (uri.scheme === schemes.change) {
      const kind = kindOfUri(uri);
      return kind && decorationOf(kind);
    }
    const session = this.sessions.holding(uri);
    // Git decorates the files of a repository by itself; a second letter beside its own would confuse.
    if (!session || session.isRepository) return undefined;
    const change = session.tree.get(relativeTo(uri.fsPath, session.config.mount))?.change;
    return change ? decorationOf(change.kind) : undefined;
  }

  private update(session: Session, update: TreeUpdate | null): void {
    if (session.isRepository) return;
    const paths = [...(update?.paths ?? [])].filter(hasUri);
    if (!update || paths.length > MAX_URIS) this.didChange.fire(undefined);
    else if (paths.length > 0) this.didChange.fire(paths.map((path) => fileUri(session.config, path)));
  }
}

function decorationOf(kind: ChangeKind): FileDecoration {
  const { badge, label, color } = kindPresentations[kind];
  const decoration = new FileDecoration(badge, label, color);
  decoration.propagate = kind !== 'whiteout';
  return decoration;
}
