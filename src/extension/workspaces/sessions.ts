import {
  EventEmitter,
  workspace,
  type Disposable,
  type LogOutputChannel,
  type Memento,
  type Uri,
} from 'vscode';
import type { WorkspaceConfig } from '../../protocol/registry';
import type { Workspaces } from '../../protocol/workspaces';
import type { TreeUpdate } from '../changes/changeTree';
import type { WindowState } from '../contributions';
import { Disposables } from '../disposables';
import { readSetting } from '../settings';
import { hasSchemeOf } from '../changes/uris';
import type { Catalog } from './catalog';
import { shownIn, workspaceAt } from './location';
import { Session } from './session';

export interface Mounting {
  readonly session: Session;
  /** Whether it was not mounted when the window opened its folder. */
  readonly opening: boolean;
}

/** The sessions of all workspaces that the window shows, in the order of its folders. */
export class Sessions implements Disposable {
  private readonly disposables = new Disposables();
  private readonly didChange = this.disposables.add(new EventEmitter<void>());
  private readonly didUpdate = this.disposables.add(
    new EventEmitter<{ session: Session; update: TreeUpdate | null }>(),
  );
  private readonly didMount = this.disposables.add(new EventEmitter<Mounting>());
  /** Sessions came or went, or one is in another state. */
  readonly onDidChange = this.didChange.event;
  /** The changes of one are others now; without an update: all of them. */
  readonly onDidUpdate = this.didUpdate.event;
  /** This window mounted one below its own folder. */
  readonly onDidMount = this.didMount.event;
  all: readonly Session[] = [];
  private readonly opening = new Set<Session>();
  private readonly starts = new WeakMap<Session, Promise<void>>();

  constructor(
    private readonly catalog: Catalog,
    private readonly workspaces: Workspaces,
    private readonly log: LogOutputChannel,
    private readonly memento: Memento,
  ) {
    this.disposables.add(catalog.onDidChange(() => this.update()));
    this.disposables.add(workspace.onDidChangeWorkspaceFolders(() => this.update()));
  }

  dispose(): void {
    for (const session of this.all) session.dispose();
    this.disposables.dispose();
  }

  /** The sum over all workspaces. */
  get totalChanges(): number {
    return this.all.reduce((sum, session) => sum + session.tree.size, 0);
  }

  /** What the window as a whole shows; `ready` as soon as one workspace is. */
  get state(): WindowState {
    const states = new Set(this.all.map((session) => session.state));
    const order: WindowState[] = ['ready', 'starting', 'failed', 'unmounted'];
    return order.find((state) => state !== 'none' && states.has(state)) ?? 'none';
  }

  named(name: string): Session | undefined {
    return this.all.find((session) => session.config.name === name);
  }

  /** The session of the workspace that holds this file. */
  holding(uri: Uri): Session | undefined {
    const configs = this.all.map((session) => session.config);
    const config = workspaceAt(uri.fsPath, configs);
    if (!config || !hasSchemeOf(config, uri)) return undefined;
    return this.named(config.name);
  }

  /** Settles when the window has connected to a workspace for the first time, or failed to. */
  async opened(session: Session): Promise<void> {
    await this.starts.get(session);
  }

  private update(): void {
    const folders = (workspace.workspaceFolders ?? []).map(({ uri }) => uri);
    const paths = folders.map(({ fsPath }) => fsPath);
    const isOpen = (config: WorkspaceConfig): boolean => folders.some((uri) => hasSchemeOf(config, uri));
    const shown = shownIn(paths, this.catalog.configs.filter(isOpen));
    const next = shown.map((config) => this.named(config.name) ?? this.add(config));
    const gone = this.all.filter((session) => !next.includes(session));
    const changed = gone.length > 0 || next.some((session, i) => session !== this.all[i]);
    this.all = next;
    for (const session of gone) session.dispose();
    if (changed) this.didChange.fire();
    // What is not connected may have been mounted by someone else.
    for (const session of next) void session.connect();
  }

  private add(config: WorkspaceConfig): Session {
    const session = new Session(config, this.workspaces, this.log, this.memento);
    session.onDidChangeState(() => this.didChange.fire());
    session.onDidUpdate((update) => this.didUpdate.fire({ session, update }));
    session.onDidMount(() => this.didMount.fire({ session, opening: this.opening.has(session) }));
    this.starts.set(session, this.start(session));
    return session;
  }

  /** Connects; a workspace that is not mounted is mounted, for its window was opened to be worked in. */
  private async start(session: Session): Promise<void> {
    await session.connect();
    if (session.state !== 'unmounted' || !readSetting('mountOnOpen')) return;
    this.opening.add(session);
    await session.mount();
    this.opening.delete(session);
  }
}
