import {
  EventEmitter,
  l10n,
  MarkdownString,
  ThemeColor,
  ThemeIcon,
  TreeItem,
  window,
  type Disposable,
  type LogOutputChannel,
  type TreeDataProvider,
  type TreeView,
} from 'vscode';
import { asCowspaceError } from '../../protocol/errors';
import { formatBytes } from '../../protocol/format';
import type { WorkspaceInfo } from '../../protocol/messages';
import type { Workspaces } from '../../protocol/workspaces';
import { viewIds } from '../contributions';
import { Disposables } from '../disposables';
import type { Catalog } from './catalog';
import { shortPaths } from './location';
import type { Session } from './session';
import type { Sessions } from './sessions';

/** A workspace as listed in the Workspaces view. */
export class WorkspaceItem {
  constructor(private known: WorkspaceInfo) {}

  get info(): WorkspaceInfo {
    return this.known;
  }

  /** Returns whether it looks different with as many bytes stored. */
  setStoredBytes(storedBytes: number): boolean {
    const before = this.known.storedBytes;
    this.known = { ...this.known, storedBytes };
    return formatBytes(storedBytes) !== formatBytes(before);
  }

  /** @param shown whether this window shows it */
  toTreeItem(shown: boolean): TreeItem {
    const { name, bases, mounted, storedBytes } = this.info;
    const base = shortPaths(bases);
    const item = new TreeItem(name);
    item.id = name;
    item.description = `${formatBytes(storedBytes)} · ${base}`;
    item.iconPath = iconOf(mounted, shown);
    item.contextValue = mounted ? 'workspace.mounted' : 'workspace.unmounted';
    item.tooltip = this.tooltip(shown);
    item.accessibilityInformation = {
      label: [name, stateLabel(mounted, shown), formatBytes(storedBytes), base].join(', '),
    };
    return item;
  }

  private tooltip(shown: boolean): MarkdownString {
    const { name, bases, mount, scratch, mounted, storedBytes } = this.info;
    const facts: [string, string][] = [
      [l10n.t('Base'), bases.join(', ')],
      [l10n.t('Mount'), mount],
      [l10n.t('Scratch'), `${scratch} (${formatBytes(storedBytes)})`],
    ];
    const tooltip = new MarkdownString().appendMarkdown('**').appendText(name).appendMarkdown('**');
    tooltip.appendText(` (${stateLabel(mounted, shown)})`);
    for (const [label, value] of facts) tooltip.appendMarkdown('\n\n').appendText(`${label}: ${value}`);
    return tooltip;
  }
}

/** The Workspaces view: all workspaces of the user, mounted or not, in this window or elsewhere. */
export class WorkspacesView implements TreeDataProvider<WorkspaceItem>, Disposable {
  private readonly disposables = new Disposables();
  private readonly didChangeTreeData = this.disposables.add(new EventEmitter<WorkspaceItem | undefined>());
  readonly onDidChangeTreeData = this.didChangeTreeData.event;
  private readonly view: TreeView<WorkspaceItem>;
  private items: WorkspaceItem[] | undefined;
  private lastLoad = 0;

  constructor(
    private readonly workspaces: Workspaces,
    private readonly sessions: Sessions,
    private readonly log: LogOutputChannel,
    catalog: Catalog,
  ) {
    this.view = this.disposables.add(window.createTreeView(viewIds.workspaces, { treeDataProvider: this }));
    this.disposables.add(catalog.onDidChange(() => this.refresh()));
    this.disposables.add(sessions.onDidChange(() => this.refresh()));
    this.disposables.add(sessions.onDidUpdate(({ session }) => this.follow(session)));
    // How much others store is known to their daemons alone.
    this.disposables.add(this.view.onDidChangeVisibility(({ visible }) => visible && this.refresh()));
    this.disposables.add(window.onDidChangeWindowState(({ focused }) => focused && this.refresh()));
  }

  dispose(): void {
    this.disposables.dispose();
  }

  get visible(): boolean {
    return this.view.visible;
  }

  refresh(): void {
    if (this.view.visible) void this.load();
  }

  async getChildren(item?: WorkspaceItem): Promise<WorkspaceItem[]> {
    if (item) return [];
    if (!this.items) await this.load();
    return this.items ?? [];
  }

  getTreeItem(item: WorkspaceItem): TreeItem {
    return item.toTreeItem(this.sessions.named(item.info.name) !== undefined);
  }

  private follow({ config, state, tree }: Session): void {
    const item = this.items?.find(({ info }) => info.name === config.name);
    if (state !== 'ready' || !item) return;
    if (item.setStoredBytes(tree.totals.storedBytes)) this.didChangeTreeData.fire(item);
  }

  /** Lists them before the view is told: while it waits for its rows, an action on one does not say which. */
  private async load(): Promise<void> {
    const load = ++this.lastLoad;
    try {
      const infos = await this.workspaces.list();
      if (load !== this.lastLoad) return;
      this.items = infos.map((info) => new WorkspaceItem(info));
      this.didChangeTreeData.fire(undefined);
    } catch (error) {
      this.log.error(`Cannot list the workspaces: ${asCowspaceError(error).message}`);
    }
  }
}

function iconOf(mounted: boolean, shown: boolean): ThemeIcon {
  if (!mounted) return new ThemeIcon('layers', new ThemeColor('disabledForeground'));
  if (!shown) return new ThemeIcon('layers');
  return new ThemeIcon('layers-active', new ThemeColor('charts.green'));
}

function stateLabel(mounted: boolean, shown: boolean): string {
  if (!mounted) return l10n.t('not mounted');
  return shown ? l10n.t('mounted, in this window') : l10n.t('mounted');
}
