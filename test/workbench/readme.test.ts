import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRepository } from '../support/repository';
import { useSandbox } from '../support/sandbox';
import { useEditor } from './support/editor';
import { pictureFile } from './support/pictures';

describe('the picture in the README', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);

  it('shows the changes of a pristine copy and the diff of one', async () => {
    const base = sandbox().path('cowspace');
    await makeRepository(base);
    const { mount } = await sandbox().cowspace.create([base]);
    const window = await editor().open(mount);
    await window.showContainer('Cowspace');

    const edit = (path: string, from: RegExp, to: string): void =>
      writeFileSync(join(mount, path), readFileSync(join(mount, path), 'utf8').replace(from, to));
    edit('.prettierrc.json', /"printWidth": \d+/, '"printWidth": 100');
    edit('esbuild.mjs', /target: '\w+'/, "target: 'node22'");
    renameSync(join(mount, 'LICENSE'), join(mount, 'LICENSE.txt'));
    rmSync(join(mount, '.prettierignore'));
    writeFileSync(join(mount, 'NOTES.md'), '# Notes\n');
    const changes = window.tree('Changes');
    await changes.untilBadges({
      '.prettierignore': 'D',
      '.prettierrc.json': 'M',
      'esbuild.mjs': 'M',
      'LICENSE.txt': 'R',
      'NOTES.md': 'A',
    });
    await changes.row('esbuild.mjs').click();
    await window.tab(/esbuild\.mjs \(Base ↔ Workspace\)/).waitFor();
    await window.page.locator('.monaco-diff-editor .modified .char-insert').first().waitFor();

    await window.statusBarItem('Activating').waitFor({ state: 'detached' });
    await window.page.screenshot({ path: pictureFile(sandbox(), 'review.png') });
  });
});
