import { setTimeout as sleep } from 'node:timers/promises';
import { workspace, type Disposable, type LogOutputChannel, type Memento } from 'vscode';
import { asCowspaceError } from '../../protocol/errors';
import type { Workspaces } from '../../protocol/workspaces';
import { Disposables } from '../disposables';
import type { Catalog } from './catalog';
import type { Sessions } from './sessions';

interface PendingRemoval {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly requested: number;
}

const key = 'pendingRemovals';
/** Milliseconds after which a removal that did not come about is forgotten: the user kept the window open. */
const EXPIRY = 60_000;
/** The window that showed the workspace may still be letting go of it. */
const ATTEMPTS = 5;
const ATTEMPT_DELAY = 1000;

/**
 * Removals of a workspace that a window shows. The window must show something else first, and that restarts the
 * extension: so the removal is written down, and done by whoever comes next.
 */
export class Removals implements Disposable {
  private readonly disposables = new Disposables();

  constructor(
    private readonly workspaces: Workspaces,
    private readonly sessions: Sessions,
    private readonly memento: Memento,
    private readonly log: LogOutputChannel,
    catalog: Catalog,
  ) {
    this.disposables.add(workspace.onDidChangeWorkspaceFolders(() => void this.run()));
    void catalog.loaded.then(() => this.run());
  }

  dispose(): void {
    this.disposables.dispose();
  }

  /** Removes the workspace, with its changes, as soon as this window no longer shows it. */
  async schedule(name: string): Promise<void> {
    await this.memento.update(key, [...this.pending, { name, requested: Date.now() }]);
  }

  private get pending(): readonly PendingRemoval[] {
    return this.memento
      .get<readonly PendingRemoval[]>(key, [])
      .filter(({ requested }) => requested > Date.now() - EXPIRY);
  }

  private async run(): Promise<void> {
    const due = this.pending.filter(({ name }) => !this.sessions.named(name));
    if (due.length === 0) return;
    await this.memento.update(
      key,
      this.pending.filter((each) => !due.includes(each)),
    );
    for (const { name } of due) await this.remove(name);
  }

  private async remove(name: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.workspaces.remove(name, { force: true });
        this.log.info(`Removed ${name}`);
        return;
      } catch (error) {
        const { code, message } = asCowspaceError(error);
        if (code === 'not-found') return;
        if (code !== 'busy' || attempt === ATTEMPTS) {
          this.log.error(`Cannot remove ${name}: ${message}`);
          return;
        }
        await sleep(ATTEMPT_DELAY);
      }
    }
  }
}
