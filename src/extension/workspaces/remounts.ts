import type { Disposable } from 'vscode';
import { Disposables } from '../disposables';
import type { Explorer } from '../explorer';
import type { Sessions } from './sessions';

/** Brings the editor in line after a workspace was mounted below a folder that it had opened already. */
export class Remounts implements Disposable {
  private readonly disposables = new Disposables();

  constructor(sessions: Sessions, explorer: Explorer) {
    this.disposables.add(sessions.onDidMount(() => void explorer.refresh()));
  }

  dispose(): void {
    this.disposables.dispose();
  }
}
