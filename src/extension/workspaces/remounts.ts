import { commands, l10n, window, type Disposable, type Memento } from 'vscode';
import { Disposables } from '../disposables';
import type { Explorer } from '../explorer';
import type { Mounting, Sessions } from './sessions';

const key = 'lastReload';
/** Milliseconds within which the window is not reloaded again by itself, should a mount never last. */
const RELOAD_INTERVAL = 60_000;

/**
 * Brings the window in line after a workspace was mounted below a folder that it had opened already: file watchers,
 * Git and language servers still look at the empty folder beneath the mount, and only a reload turns them around.
 */
export class Remounts implements Disposable {
  private readonly disposables = new Disposables();

  constructor(
    private readonly sessions: Sessions,
    private readonly explorer: Explorer,
    private readonly memento: Memento,
  ) {
    this.disposables.add(sessions.onDidMount((mounting) => void this.follow(mounting)));
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private async follow({ session, opening }: Mounting): Promise<void> {
    if (session.config.driver === 'editor') return;
    if (opening && this.mayReload()) {
      // Of several workspaces, the last one to be mounted comes through here, too.
      if (this.sessions.all.some(({ state }) => state === 'starting')) return;
      await this.memento.update(key, Date.now());
      await reload();
      return;
    }
    await this.explorer.refresh();
    const yes = l10n.t('Reload Window');
    const message = l10n.t(
      "The workspace '{0}' is mounted again. Reload the window to have file watching, Git and other extensions follow it.",
      session.config.name,
    );
    if ((await window.showInformationMessage(message, yes)) === yes) await reload();
  }

  private mayReload(): boolean {
    return Date.now() - this.memento.get(key, 0) > RELOAD_INTERVAL;
  }
}

async function reload(): Promise<void> {
  await commands.executeCommand('workbench.action.reloadWindow');
}
