import { join } from 'node:path';
import { l10n, window, type Disposable, type ExtensionContext, type LogOutputChannel } from 'vscode';
import { findHome } from '../protocol/home';
import { Workspaces } from '../protocol/workspaces';
import { BlockDiffs } from './blocks/blockDiffs';
import { BaseFiles } from './changes/baseFiles';
import { ChangesView } from './changes/changesView';
import { ChangeDecorations } from './changes/decorations';
import { QuickDiff } from './changes/quickDiff';
import { ContextKeys } from './contextKeys';
import { Disposables } from './disposables';
import { Explorer } from './explorer';
import { WorkspaceFiles } from './files/workspaceFiles';
import { Operations } from './operations';
import { Review } from './review/review';
import { StatusBar } from './statusBar';
import { Catalog } from './workspaces/catalog';
import { Removals } from './workspaces/removals';
import { Remounts } from './workspaces/remounts';
import { Sessions } from './workspaces/sessions';
import { WorkspacesView } from './workspaces/workspacesView';

/** Owns all state of the extension in this window. */
export class Context implements Disposable {
  private readonly disposables = new Disposables();
  readonly log: LogOutputChannel;
  readonly workspaces: Workspaces;
  readonly catalog: Catalog;
  readonly sessions: Sessions;
  readonly operations: Operations;
  readonly review: Review;
  readonly blockDiffs: BlockDiffs;
  readonly removals: Removals;
  readonly changesView: ChangesView;
  readonly workspacesView: WorkspacesView;

  constructor(extension: ExtensionContext) {
    const own = <T extends Disposable>(item: T): T => this.disposables.add(item);
    const log = own(window.createOutputChannel(l10n.t('Cowspace'), { log: true }));
    this.log = log;
    this.workspaces = new Workspaces(findHome(), join(extension.extensionPath, 'dist/daemon.js'));
    this.catalog = own(new Catalog(this.workspaces, log));
    this.sessions = own(new Sessions(this.catalog, this.workspaces, log, extension.workspaceState));
    this.operations = own(new Operations(log));
    this.removals = own(
      new Removals(this.workspaces, this.sessions, extension.globalState, log, this.catalog),
    );
    this.changesView = own(new ChangesView(this.sessions, extension.workspaceState));
    this.workspacesView = own(new WorkspacesView(this.workspaces, this.sessions, log, this.catalog));
    const explorer = new Explorer(() => this.changesView.visible || this.workspacesView.visible);
    this.review = new Review(this.operations);
    this.blockDiffs = own(
      new BlockDiffs(extension.extensionUri, this.sessions, this.operations, this.catalog.loaded),
    );
    own(new ContextKeys(this.sessions, this.catalog));
    own(new StatusBar(this.sessions, this.operations));
    own(new BaseFiles(this.sessions, this.catalog.loaded));
    own(new WorkspaceFiles(this.sessions, this.catalog.loaded));
    own(new ChangeDecorations(this.sessions));
    own(new QuickDiff(this.sessions));
    own(new Remounts(this.sessions, explorer, extension.workspaceState));
  }

  dispose(): void {
    this.disposables.dispose();
  }
}
