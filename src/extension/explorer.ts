import { commands } from 'vscode';
import { viewIds } from './contributions';

/** The editor's own view of the files, which cannot know what the daemon does by itself. */
export class Explorer {
  /** @param isCovered whether the views of this extension are shown in its place */
  constructor(private readonly isCovered: () => boolean) {}

  /** Has it read its folders anew. The editor's command for that brings it to the front, so what was there returns. */
  async refresh(): Promise<void> {
    const wasCovered = this.isCovered();
    await commands.executeCommand('workbench.files.action.refreshFilesExplorer');
    if (wasCovered) await commands.executeCommand(`${viewIds.changes}.focus`);
  }
}
