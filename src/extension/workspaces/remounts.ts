import type { Disposable } from 'vscode';
import { Disposables } from '../disposables';
import { refreshExplorer } from '../editor';
import type { Sessions } from './sessions';

/** Brings the editor in line after a workspace was mounted below a folder that it had opened already. */
export class Remounts implements Disposable {
  private readonly disposables = new Disposables();

  constructor(sessions: Sessions) {
    this.disposables.add(sessions.onDidMount(() => void refreshExplorer()));
  }

  dispose(): void {
    this.disposables.dispose();
  }
}
