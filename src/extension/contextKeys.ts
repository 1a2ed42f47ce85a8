import type { Disposable } from 'vscode';
import { Disposables } from './disposables';
import { setContext } from './editor';
import type { Catalog } from './workspaces/catalog';
import type { Sessions } from './workspaces/sessions';

/** Keeps the context keys that tell of workspaces, the window's above all. */
export class ContextKeys implements Disposable {
  private readonly disposables = new Disposables();
  private readonly last = new Map<string, string | boolean>();

  /** Until the catalog is loaded no view greets: what it said might be wrong. */
  constructor(
    private readonly sessions: Sessions,
    private readonly catalog: Catalog,
  ) {
    void catalog.loaded.then(() => {
      this.disposables.add(catalog.onDidChange(() => this.update()));
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
    this.set('noWorkspaces', this.catalog.configs.length === 0);
    this.set('hasChanges', this.sessions.totalChanges > 0);
  }

  private set(key: Parameters<typeof setContext>[0], value: string | boolean): void {
    if (this.last.get(key) === value) return;
    this.last.set(key, value);
    void setContext(key, value);
  }
}
