import {
  EventEmitter,
  l10n,
  TreeItemCheckboxState,
  window,
  type Disposable,
  type Memento,
  type TreeCheckboxChangeEvent,
  type TreeDataProvider,
  type TreeItem,
  type TreeView,
} from 'vscode';
import { viewIds, viewModes, type ViewMode } from '../contributions';
import { Disposables } from '../disposables';
import { setContext } from '../editor';
import { readSetting } from '../settings';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import {
  byKindAndName,
  byPath,
  changedNodes,
  endOfChain,
  isAttached,
  isBranch,
  type ChangeNode,
  type TreeUpdate,
} from './changeTree';
import { Checks } from './checks';
import { ChangeRow, countLabel, MoreRow, WorkspaceRow, type Row } from './rows';

/** Up to this many changes directories start expanded. */
const EXPAND_LIMIT = 250;
/** Rows of one directory, or of the list, that are shown until the user asks for more: all are sent for each redraw. */
const PAGE = 1000;
/** Milliseconds between two redraws at least, so that a burst of changes costs few. */
const REFRESH_INTERVAL = 150;

const modeKey = 'changes.viewMode';

/** The Changes view: the rows of all workspaces that the window shows, redrawn no further than they changed. */
export class ChangesView implements TreeDataProvider<Row>, Disposable {
  private readonly disposables = new Disposables();
  private readonly didChangeTreeData = this.disposables.add(new EventEmitter<Row[] | undefined>());
  readonly onDidChangeTreeData = this.didChangeTreeData.event;
  private readonly view: TreeView<Row>;
  private mode: ViewMode;

  private readonly workspaceRows = new WeakMap<Session, WorkspaceRow>();
  private readonly changeRows = new WeakMap<ChangeNode, ChangeRow>();
  /** For each node that has a row: the node (or root) whose row is above it. */
  private readonly above = new WeakMap<ChangeNode, ChangeNode>();
  private readonly checks = new WeakMap<Session, Checks>();
  /** How many rows to show below a node where the user asked for more than a page. */
  private readonly limits = new WeakMap<ChangeNode, number>();

  private hasChecked = false;
  private timer: NodeJS.Timeout | undefined;
  private lastRefresh = 0;
  private pendingRoot = false;
  private readonly pending = new Map<ChangeNode, Session>();

  constructor(
    private readonly sessions: Sessions,
    private readonly memento: Memento,
  ) {
    this.mode = viewModes.find((mode) => mode === memento.get(modeKey)) ?? readSetting('defaultViewMode');
    void setContext('viewMode', this.mode);
    this.view = this.disposables.add(
      window.createTreeView(viewIds.changes, {
        treeDataProvider: this,
        canSelectMany: true,
        showCollapseAll: false,
        manageCheckboxStateManually: true,
      }),
    );
    this.disposables.add(sessions.onDidChange(() => this.refreshAll()));
    this.disposables.add(sessions.onDidUpdate(({ session, update }) => this.follow(session, update)));
    this.disposables.add(this.view.onDidChangeCheckboxState((event) => this.check(event)));
    this.refreshAll();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.disposables.dispose();
  }

  get visible(): boolean {
    return this.view.visible;
  }

  get selection(): readonly Row[] {
    return this.view.visible ? this.view.selection : [];
  }

  /** The workspaces with checked changes, and the paths of those. */
  get checked(): { session: Session; paths: readonly string[] }[] {
    return this.sessions.all
      .map((session) => ({ session, paths: this.checksOf(session).chosen() }))
      .filter(({ paths }) => paths.length > 0);
  }

  showMore({ node, session }: MoreRow): void {
    this.limits.set(node, this.limitOf(node) + PAGE);
    this.schedule(session, { reshaped: new Set([node]), altered: new Set(), paths: new Set() });
  }

  async setMode(mode: ViewMode): Promise<void> {
    this.mode = mode;
    this.refreshAll();
    await setContext('viewMode', mode);
    await this.memento.update(modeKey, mode);
  }

  getChildren(row?: Row): Row[] {
    if (row instanceof ChangeRow) return this.childrenOf(row.session, row.node);
    if (row instanceof WorkspaceRow) return this.childrenOf(row.session, row.session.tree.root);
    if (row instanceof MoreRow) return [];
    const [session, ...others] = this.sessions.all;
    if (!session) return [];
    if (others.length === 0) return this.childrenOf(session, session.tree.root);
    return this.sessions.all.map((each) => this.workspaceRow(each));
  }

  getParent(row: Row): Row | undefined {
    if (row instanceof WorkspaceRow) return undefined;
    const above = row instanceof MoreRow ? row.node : this.above.get(row.node);
    if (above?.parent) return this.changeRow(row.session, above);
    return this.sessions.all.length > 1 ? this.workspaceRow(row.session) : undefined;
  }

  getTreeItem(row: Row): TreeItem {
    if (!(row instanceof ChangeRow)) return row.toTreeItem();
    const above = this.above.get(row.node)?.path ?? '';
    const item = row.toTreeItem(this.mode, above, row.session.tree.size <= EXPAND_LIMIT);
    const isChecked = this.checksOf(row.session).has(row.node);
    item.checkboxState = {
      state: isChecked ? TreeItemCheckboxState.Checked : TreeItemCheckboxState.Unchecked,
      tooltip: l10n.t('Choose what to commit or discard'),
    };
    return item;
  }

  async resolveTreeItem(item: TreeItem, row: Row): Promise<TreeItem> {
    if (row instanceof ChangeRow) item.tooltip = await row.tooltip();
    return item;
  }

  private childrenOf(session: Session, node: ChangeNode): Row[] {
    const all =
      this.mode === 'list'
        ? [...changedNodes(node)].sort(byPath)
        : [...node.children.values()].sort(byKindAndName).map(endOfChain);
    const shown = all.slice(0, this.limitOf(node));
    for (const each of shown) this.above.set(each, node);
    const rows = shown.map((each) => this.changeRow(session, each));
    const hidden = all.length - shown.length;
    return hidden > 0 ? [...rows, new MoreRow(session, node, hidden)] : rows;
  }

  private limitOf(node: ChangeNode): number {
    return this.limits.get(node) ?? PAGE;
  }

  private workspaceRow(session: Session): WorkspaceRow {
    let row = this.workspaceRows.get(session);
    if (!row) this.workspaceRows.set(session, (row = new WorkspaceRow(session)));
    return row;
  }

  private changeRow(session: Session, node: ChangeNode): ChangeRow {
    let row = this.changeRows.get(node);
    if (!row) this.changeRows.set(node, (row = new ChangeRow(session, node)));
    return row;
  }

  private checksOf(session: Session): Checks {
    let checks = this.checks.get(session);
    if (!checks) this.checks.set(session, (checks = new Checks(session.tree)));
    return checks;
  }

  private check({ items }: TreeCheckboxChangeEvent<Row>): void {
    for (const [row, state] of items) {
      if (!(row instanceof ChangeRow)) continue;
      const { node, session } = row;
      const checks = this.checksOf(session);
      const above = this.directoriesAbove(node).map((each) => ({ node: each, before: checks.has(each) }));
      checks.set(node, state === TreeItemCheckboxState.Checked);
      // No more than that: a click on a row that is drawn anew meanwhile is lost.
      if (isBranch(node)) this.pending.set(node, session);
      for (const { node: each, before } of above) {
        if (checks.has(each) !== before) this.pending.set(each, session);
      }
    }
    this.flush();
  }

  /** Those of them that have a row. */
  private directoriesAbove(node: ChangeNode): ChangeNode[] {
    const above: ChangeNode[] = [];
    for (let at = node.parent; at?.parent; at = at.parent) {
      if (this.mode === 'list' ? at.change : this.isRowOf(at)) above.push(at);
    }
    return above;
  }

  private follow(session: Session, update: TreeUpdate | null): void {
    this.checksOf(session).prune();
    this.schedule(session, update);
  }

  private refreshAll(): void {
    this.pendingRoot = true;
    this.flush();
  }

  private schedule(session: Session, update: TreeUpdate | null): void {
    if (update) {
      for (const node of update.reshaped) this.pending.set(node, session);
      for (const node of update.altered) this.pending.set(node, session);
    } else {
      this.pendingRoot = true;
    }
    const wait = Math.max(0, this.lastRefresh + REFRESH_INTERVAL - Date.now());
    this.timer ??= setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lastRefresh = Date.now();
    const rows = new Set<Row | undefined>(this.pendingRoot ? [undefined] : []);
    for (const [node, session] of this.pending) rows.add(this.rowToRefresh(session, node));
    this.pendingRoot = false;
    this.pending.clear();
    if (rows.has(undefined)) this.didChangeTreeData.fire(undefined);
    else if (rows.size > 0) this.didChangeTreeData.fire([...rows].filter((row) => row !== undefined));
    this.updateHeader();
  }

  /** The nearest row at or above `node` that still stands for what it stood for; undefined for the whole view. */
  private rowToRefresh(session: Session, node: ChangeNode): Row | undefined {
    if (this.mode === 'tree') {
      for (let at = node; at.parent; at = at.parent) {
        if (this.isRowOf(at)) return this.changeRow(session, at);
      }
    }
    return this.sessions.all.length > 1 ? this.workspaceRow(session) : undefined;
  }

  private isRowOf(node: ChangeNode): boolean {
    const above = this.above.get(node);
    if (!above || !isAttached(node)) return false;
    let start = node;
    while (start.parent && start.parent !== above) start = start.parent;
    return endOfChain(start) === node;
  }

  private updateHeader(): void {
    const [session, ...others] = this.sessions.all;
    const count = this.sessions.totalChanges;
    this.view.badge = count > 0 ? { value: count, tooltip: countLabel(count) } : undefined;
    this.view.description = session && others.length === 0 ? session.config.name : '';
    const hasChecked = this.sessions.all.some((each) => this.checksOf(each).any);
    if (hasChecked === this.hasChecked) return;
    this.hasChecked = hasChecked;
    void setContext('hasChecked', hasChecked);
  }
}
