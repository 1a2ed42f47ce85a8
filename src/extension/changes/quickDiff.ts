import { scm, workspace, type Disposable, type SourceControl, type Uri } from 'vscode';
import { settingNames } from '../contributions';
import { Disposables } from '../disposables';
import { readSetting } from '../settings';
import { relativeTo } from '../workspaces/location';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import { baseUri, fileUri } from './uris';

/**
 * Marks in the gutter what differs from the base. The editor offers that to source controls only, and lists each of
 * them in its own view, so it is up to a setting.
 */
export class QuickDiff implements Disposable {
  private readonly disposables = new Disposables();
  private readonly controls = new Map<Session, SourceControl>();

  constructor(private readonly sessions: Sessions) {
    this.disposables.add(sessions.onDidChange(() => this.update()));
    this.disposables.add(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(settingNames.quickDiff)) this.update();
      }),
    );
    this.update();
  }

  dispose(): void {
    this.disposables.dispose();
    for (const control of this.controls.values()) control.dispose();
  }

  private update(): void {
    const wanted = readSetting('quickDiff') ? this.sessions.all.filter(({ state }) => state === 'ready') : [];
    for (const [session, control] of this.controls) {
      if (wanted.includes(session)) continue;
      control.dispose();
      this.controls.delete(session);
    }
    for (const session of wanted) {
      if (!this.controls.has(session)) this.controls.set(session, this.createControl(session));
    }
  }

  private createControl(session: Session): SourceControl {
    const { config } = session;
    const control = scm.createSourceControl('cowspace', config.name, fileUri(config, ''));
    control.inputBox.visible = false;
    control.quickDiffProvider = { provideOriginalResource: (uri) => this.originalOf(session, uri) };
    return control;
  }

  /** A file that is not changed (yet) has an original too: the editor compares with what is typed. */
  private originalOf(session: Session, uri: Uri): Uri | undefined {
    if (this.sessions.holding(uri) !== session) return undefined;
    const path = relativeTo(uri.fsPath, session.config.mount);
    const change = session.tree.get(path)?.change;
    return change?.kind === 'created' ? undefined : baseUri(session.config, change ?? { path });
  }
}
