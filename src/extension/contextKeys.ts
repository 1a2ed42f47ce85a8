import type { Disposable } from 'vscode';
import { Disposables } from './disposables';
import { setContext } from './editor';
import type { Sessions } from './workspaces/sessions';

/** Keeps the context keys that tell of the window's workspaces. */
export class ContextKeys implements Disposable {
  private readonly disposables = new Disposables();
  private readonly last = new Map<string, string | boolean>();

  /** @param known fulfilled when `sessions` knows the workspaces of the window; until then no view greets */
  constructor(
    private readonly sessions: Sessions,
    known: Promise<void>,
  ) {
    void known.then(() => {
      this.disposables.add(sessions.onDidChange(() => this.update()));
      this.disposables.add(sessions.onDidUpdate(() => this.update()));
      this.update();
    });
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private update(): void {
    this.set('state', this.sessions.state);
    this.set(
      'editorOnly',
      this.sessions.all.some(({ config }) => config.driver === 'editor'),
    );
    this.set('hasChanges', this.sessions.totalChanges > 0);
  }

  private set(key: Parameters<typeof setContext>[0], value: string | boolean): void {
    if (this.last.get(key) === value) return;
    this.last.set(key, value);
    void setContext(key, value);
  }
}
