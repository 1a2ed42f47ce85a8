import { l10n, MarkdownString, StatusBarAlignment, ThemeColor, window, type Disposable } from 'vscode';
import { formatBytes } from '../protocol/format';
import { countLabel } from './changes/rows';
import { viewIds, type CommandId } from './contributions';
import { Disposables } from './disposables';
import type { Operations } from './operations';
import { shortPaths } from './workspaces/location';
import type { Session } from './workspaces/session';
import type { Sessions } from './workspaces/sessions';

/** Right of the branch that Git shows. */
const PRIORITY = 90;

/** The item in the status bar: which workspace the window shows, and how many changes it has. */
export class StatusBar implements Disposable {
  private readonly disposables = new Disposables();
  private readonly item = this.disposables.add(
    window.createStatusBarItem('cowspace.status', StatusBarAlignment.Left, PRIORITY),
  );

  constructor(
    private readonly sessions: Sessions,
    private readonly operations: Operations,
  ) {
    this.item.name = l10n.t('Cowspace');
    this.disposables.add(sessions.onDidChange(() => this.update()));
    this.disposables.add(sessions.onDidUpdate(() => this.update()));
    this.disposables.add(operations.onDidChange(() => this.update()));
    this.update();
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private update(): void {
    const [session, ...others] = this.sessions.all;
    if (!session) {
      this.item.hide();
      return;
    }
    const { state, totalChanges } = this.sessions;
    const name = others.length === 0 ? session.config.name : l10n.t('{0} workspaces', others.length + 1);
    const away = state === 'unmounted' || state === 'failed';
    const busy = this.operations.busy || state === 'starting';
    const icon = busy ? '$(loading~spin)' : away ? '$(debug-disconnect)' : '$(layers)';
    const label = away ? l10n.t('not mounted') : countLabel(totalChanges);
    this.item.text = away || totalChanges === 0 ? `${icon} ${name}` : `${icon} ${name}: ${totalChanges}`;
    this.item.accessibilityInformation = { label: `Cowspace: ${name}, ${label}`, role: 'button' };
    this.item.backgroundColor = away ? new ThemeColor('statusBarItem.warningBackground') : undefined;
    const mount: CommandId = 'cowspace.mount';
    this.item.command = away ? mount : `${viewIds.changes}.focus`;
    this.item.tooltip = tooltipOf(this.sessions.all);
    this.item.show();
  }
}

function tooltipOf(sessions: readonly Session[]): MarkdownString {
  const tooltip = new MarkdownString();
  for (const { config, state, tree } of sessions) {
    const facts =
      state === 'ready'
        ? `${countLabel(tree.size)}, ${l10n.t('{0} stored', formatBytes(tree.totals.storedBytes))}`
        : l10n.t('not mounted');
    tooltip.appendMarkdown('**').appendText(config.name).appendMarkdown('**').appendText(` (${facts})`);
    tooltip.appendMarkdown('\n\n').appendText(l10n.t('Copy of {0}', shortPaths(config.bases)));
    tooltip.appendMarkdown('\n\n');
  }
  return tooltip;
}
