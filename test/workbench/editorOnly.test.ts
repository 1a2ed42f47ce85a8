import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRepository } from '../support/repository';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { useEditor } from './support/editor';
import type { Tree } from './support/tree';
import type { Workbench } from './support/workbench';

describe('a pristine copy on a machine without FUSE', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox, 'FUSE');
  let base: string;
  let window: Workbench;
  let files: Tree;
  let changes: Tree;

  before(async () => {
    base = sandbox().path('project');
    await makeRepository(base);
  });

  it('says what is missing, and opens in the editor only', async () => {
    const first = await editor().open(base);
    await first.runCommand('Cowspace: Open Pristine Copy');
    await first.quickInput.getByRole('button', { name: 'Open Pristine Copy' }).click();
    await first.dialog.waitFor();
    const opened = editor().nextWindow();
    assert.match(await first.answerDialog('Open in the Editor Only'), /\/dev\/fuse.*kernel module "fuse"/s);
    window = await opened;
    await first.close();
    const [workspace] = await sandbox().cowspace.list();
    assert.deepEqual([workspace?.driver, workspace?.mounted], ['editor', true]);
    assert.ok(!existsSync(workspace!.mount));
    await window.showContainer('Explorer');
    files = window.tree('Files Explorer');
    await files.row('package.json').waitFor();
    await window.showContainer('Cowspace');
    changes = window.tree('Changes');
    await changes.untilLabels([]);
  });

  it('lists a file that is edited and saved, and one that is deleted', async () => {
    await edit('LICENSE', 'Edited. ');
    await files.row('tsconfig.json').click();
    await window.page.keyboard.press('Shift+Delete');
    await window.answerDialog('Delete');
    await window.showContainer('Cowspace');
    await changes.untilBadges({ LICENSE: 'M', 'tsconfig.json': 'D' });
    assert.doesNotMatch(readFileSync(join(base, 'LICENSE'), 'utf8'), /Edited/);
    assert.ok(existsSync(join(base, 'tsconfig.json')));
  });

  it('shows the diff of a change', async () => {
    await changes.row('LICENSE').click();
    await window.tab(/LICENSE \(Base ↔ Workspace\)/).waitFor();
    await until('the diff shows both sides', async () => {
      const { original, modified } = await window.diffSides();
      return modified[0]?.startsWith('Edited. ') === true && original[0] === modified[0].slice(8);
    });
  });

  it('finds text in its files', async () => {
    await window.runCommand('Cowspace: Find in Files of Workspace');
    await window.quickInput.getByRole('textbox').fill('Edited. ');
    await window.page.keyboard.press('Enter');
    await window.quickInput.getByText('LICENSE:1').waitFor();
    await window.page.keyboard.press('Escape');
  });

  it('commits a change, and discards another, also in the explorer and in open editors', async () => {
    await changes.runInlineAction('LICENSE', 'Commit');
    await window.answerDialog('Commit');
    await changes.untilLabels(['tsconfig.json']);
    assert.match(readFileSync(join(base, 'LICENSE'), 'utf8'), /^Edited\. /);
    await changes.runInlineAction('tsconfig.json', 'Discard');
    await window.answerDialog('Discard');
    await changes.untilLabels([]);
    await edit('package.json', '/* mine */');
    await window.showContainer('Cowspace');
    await changes.untilBadges({ 'package.json': 'M' });
    await changes.runInlineAction('package.json', 'Discard');
    await window.answerDialog('Discard');
    await changes.untilLabels([]);
    await until('the editor shows the base', async () => {
      const lines = await window.editorLines();
      return lines.length > 0 && !lines.join('\n').includes('mine');
    });
    await window.showContainer('Explorer');
    await files.row('tsconfig.json').waitFor();
  });

  async function edit(name: string, text: string): Promise<void> {
    await window.showContainer('Explorer');
    await files.row(name).dblclick();
    await window.tab(name).waitFor();
    await window.untilTyping();
    await window.page.keyboard.press('Control+Home');
    await window.page.keyboard.type(text);
    await window.page.keyboard.press('Control+S');
  }
});
