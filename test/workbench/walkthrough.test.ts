import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import strings from '../../package.nls.json';
import { makeRepository } from '../support/repository';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { useEditor } from './support/editor';
import { pictureFile } from './support/pictures';

const steps = ['review', 'blocks', 'decide'] as const;

describe('the walkthrough', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);

  it('illustrates each step', async () => {
    const window = await editor().open(sandbox().directory('empty'));
    // Pictures are left out where there is no room beside the text.
    await window.page.setViewportSize({ width: 1600, height: 900 });
    await window.showContainer('Cowspace');
    await window.page.getByText('How it works', { exact: true }).click();
    // The first picture is a drawing, which the editor shows in a page of its own, in its colours.
    const drawing = window.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
    await drawing.locator('svg').waitFor();
    for (const step of steps) {
      await window.page
        .locator('.getting-started-step', { hasText: strings[`walkthrough.${step}.title`] })
        .click();
      const picture = window.page.getByAltText(strings[`walkthrough.${step}.picture`]);
      await until(`the picture of ${step} is there`, () =>
        picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth > 0),
      );
    }
  });

  it('has a picture of the question before a commit', async () => {
    const base = sandbox().path('cowspace');
    await makeRepository(base);
    const { mount } = await sandbox().cowspace.create([base]);
    const window = await editor().open(mount);
    await window.showContainer('Cowspace');
    rmSync(join(mount, '.prettierignore'));
    writeFileSync(join(mount, 'NOTES.md'), '# Notes\n');
    await window.tree('Changes').untilBadges({ '.prettierignore': 'D', 'NOTES.md': 'A' });
    await window.runCommand('Cowspace: Commit All…');
    await window.dialog.waitFor();
    assert.match(await window.dialog.innerText(), /\.prettierignore/);
    await window.dialog.screenshot({ path: pictureFile(sandbox(), 'commit.png') });
  });
});
