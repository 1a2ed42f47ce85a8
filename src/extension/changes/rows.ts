import { basename, dirname } from 'node:path/posix';
import { l10n, MarkdownString, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import type { Change } from '../../protocol/messages';
import { formatBytes } from '../../protocol/format';
import type { CommandId, ViewMode } from '../contributions';
import type { Session } from '../workspaces/session';
import { isBranch, isDirectory, type ChangeNode } from './changeTree';
import { kindPresentations } from './kinds';
import { changeUri, displayable } from './uris';

/** A workspace, shown as a row only where a window shows several. */
export class WorkspaceRow {
  constructor(readonly session: Session) {}

  toTreeItem(): TreeItem {
    const { config, state, tree } = this.session;
    const item = new TreeItem(config.name, TreeItemCollapsibleState.Expanded);
    item.id = config.name;
    item.iconPath = new ThemeIcon('layers');
    item.description = state === 'ready' ? countLabel(tree.size) : stateLabel(state);
    item.contextValue = state === 'ready' ? 'root.ready' : 'root.unmounted';
    item.tooltip = config.mount;
    item.accessibilityInformation = { label: `${config.name}, ${item.description}` };
    return item;
  }
}

/** A change, or a directory that holds some. */
export class ChangeRow {
  constructor(
    readonly session: Session,
    readonly node: ChangeNode,
  ) {}

  /**
   * @param above the path of the row above in the tree, which the label need not repeat
   * @param expand whether a directory starts expanded
   */
  toTreeItem(mode: ViewMode, above: string, expand: boolean): TreeItem {
    const { path, name, change } = this.node;
    const branch = mode === 'tree' && isBranch(this.node);
    const label = branch && above !== path ? path.slice(above === '' ? 0 : above.length + 1) : name;
    const item = new TreeItem(displayable(label), collapsibleState(branch, expand));
    // A row that becomes a branch is another to VS Code, which else would leave it collapsed.
    item.id = `${this.session.config.name}/${path}${branch ? '/' : ''}`;
    item.resourceUri = changeUri(this.session.config, path, change?.kind ?? null);
    item.iconPath = isDirectory(this.node) ? ThemeIcon.Folder : ThemeIcon.File;
    item.contextValue = change ? `change.${change.kind}.${change.type}` : 'folder';
    item.accessibilityInformation = { label: accessibleLabel(displayable(label), this.node) };
    const description = change && describe(change, mode);
    if (description) item.description = displayable(description);
    if (change && !branch && change.type !== 'directory') {
      const command: CommandId = 'cowspace.openChanges';
      item.command = { command, title: l10n.t('Open Changes'), arguments: [this] };
    }
    return item;
  }

  async tooltip(): Promise<MarkdownString> {
    const { path, change } = this.node;
    const tooltip = new MarkdownString().appendText(displayable(path));
    if (!change) return tooltip;
    const facts = [kindPresentations[change.kind].label];
    if (change.from !== undefined) facts.push(l10n.t('was {0}', displayable(change.from)));
    if (change.kind === 'metadata') facts.push(...(await this.modeChange()));
    if (change.type === 'file') {
      facts.push(formatBytes(change.size));
      if (change.kind !== 'whiteout') facts.push(l10n.t('{0} stored', formatBytes(change.storedBytes)));
    } else if (change.type !== 'directory') {
      facts.push(change.type);
    }
    return tooltip.appendMarkdown('\n\n').appendText(facts.join(' · '));
  }

  private async modeChange(): Promise<string[]> {
    const { path } = this.node;
    const base = await this.session.stat(path, 'base');
    const scratch = await this.session.stat(path, 'scratch');
    if (!base || !scratch || base.mode === scratch.mode) return [];
    return [l10n.t('mode {0} → {1}', octal(base.mode), octal(scratch.mode))];
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(3, '0');
}

/** Stands for the rows of a directory that are too many to be shown at once. */
export class MoreRow {
  constructor(
    readonly session: Session,
    readonly node: ChangeNode,
    readonly hidden: number,
  ) {}

  toTreeItem(): TreeItem {
    const item = new TreeItem(l10n.t('Show More ({0} not shown)', this.hidden.toLocaleString()));
    item.id = `more:${this.session.config.name}/${this.node.path}`;
    item.iconPath = new ThemeIcon('ellipsis');
    item.contextValue = 'more';
    const command: CommandId = 'cowspace.showMoreChanges';
    item.command = { command, title: l10n.t('Show More'), arguments: [this] };
    return item;
  }
}

export type Row = WorkspaceRow | ChangeRow | MoreRow;

export function countLabel(count: number): string {
  if (count === 0) return l10n.t('no changes');
  return count === 1 ? l10n.t('1 change') : l10n.t('{0} changes', count.toLocaleString());
}

function stateLabel(state: Exclude<Session['state'], 'ready'>): string {
  switch (state) {
    case 'starting':
      return l10n.t('mounting…');
    case 'unmounted':
      return l10n.t('not mounted');
    case 'failed':
      return l10n.t('could not be mounted');
  }
}

function collapsibleState(branch: boolean, expand: boolean): TreeItemCollapsibleState {
  if (!branch) return TreeItemCollapsibleState.None;
  return expand ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed;
}

/** What stands beside the name: in the list the directory, for a renamed entry its old name. */
function describe(change: Change, mode: ViewMode): string | undefined {
  const directory = dirname(change.path);
  const here = mode === 'list' && directory !== '.' ? directory : undefined;
  if (change.from === undefined) return here;
  const old = dirname(change.from) === directory ? basename(change.from) : change.from;
  return here === undefined ? `← ${old}` : `${here} ← ${old}`;
}

function accessibleLabel(label: string, node: ChangeNode): string {
  const { change } = node;
  if (!change) return l10n.t('{0}, folder with changes', label);
  const parts = [label, kindPresentations[change.kind].label];
  if (change.from !== undefined) parts.push(l10n.t('was {0}', displayable(change.from)));
  const directory = dirname(change.path);
  if (directory !== '.') parts.push(displayable(directory));
  return parts.join(', ');
}
