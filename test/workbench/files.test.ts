import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChecked } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { useEditor } from './support/editor';
import type { Tree } from './support/tree';
import type { Workbench } from './support/workbench';

describe('an editor on a mount in which other programs work', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);
  let mount: string;
  let name: string;
  let window: Workbench;
  let files: Tree;

  before(async () => {
    const base = sandbox().directory('base');
    mkdirSync(join(base, 'folder'));
    for (const file of ['folder/inner', 'first', 'second', 'third'])
      writeFileSync(join(base, `${file}.txt`), `needle in ${file}\n`);
    ({ mount, name } = await sandbox().cowspace.create([base]));
    window = await editor().open(mount);
    await window.untilWatching(mount);
    files = window.tree('Files Explorer');
    await files.row('folder').click();
    await files.untilLabels(['folder', 'inner.txt', 'first.txt', 'second.txt', 'third.txt']);
  });

  afterEach('discard what the test changed, which the explorer shows, too', async () => {
    await sandbox().cowspace.discard(name);
    await window.showContainer('Explorer');
    await files.untilLabels(['folder', 'inner.txt', 'first.txt', 'second.txt', 'third.txt']);
  });

  it('shows in the explorer what they create, rename and delete', async () => {
    await inMount('echo new > created.txt');
    await files.untilLabels(['folder', 'inner.txt', 'created.txt', 'first.txt', 'second.txt', 'third.txt']);
    await inMount('rm second.txt; mv third.txt renamed.txt; mkdir made; echo new > folder/nested.txt');
    await files.untilLabels([
      ...['folder', 'inner.txt', 'nested.txt', 'made'],
      ...['created.txt', 'first.txt', 'renamed.txt'],
    ]);
    await inMount(
      'rm -r made created.txt folder/inner.txt; mv folder/nested.txt folder/inner.txt; rm first.txt',
    );
    await files.untilLabels(['folder', 'inner.txt', 'renamed.txt']);
  });

  // Before a file is open: of that, the editor searches what it has, which may be what was there a moment ago.
  it('finds what they write, and no longer what they overwrite and delete', async () => {
    const before = await window.findInFiles('needle');
    await before.untilLabels(['first.txt', 'second.txt', 'third.txt', 'inner.txt']);
    await inMount('echo needle > created.txt; rm second.txt; echo other > third.txt; mv folder moved');
    const after = await window.findInFiles('needle');
    await after.untilLabels(['created.txt', 'first.txt', 'inner.txt']);
  });

  it('shows in an open file what they write, and what they put in its place', async () => {
    await window.openFile('first.txt');
    await inMount('echo appended >> first.txt');
    await untilEditorShows('needle in first', 'appended');
    await inMount('sed -i s/needle/pin/ first.txt');
    await untilEditorShows('pin in first', 'appended');
    await inMount('echo short > first.txt');
    await untilEditorShows('short');
  });

  async function inMount(script: string): Promise<void> {
    await runChecked('sh', ['-c', script], { cwd: mount });
  }

  async function untilEditorShows(...expected: string[]): Promise<void> {
    await until(`the editor shows ${expected.join(', ')}`, async () => {
      const lines = await window.editorLines();
      return lines.filter((line) => line !== '').join('\n') === expected.join('\n');
    });
  }
});
