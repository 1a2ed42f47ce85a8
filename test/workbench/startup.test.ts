import assert from 'node:assert/strict';
import { useSandbox } from '../support/sandbox';
import { useEditor } from './support/editor';

describe('a window that shows no workspace', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);

  it('learns of the first workspace, which the command line makes', async () => {
    const window = await editor().open(sandbox().directory('unrelated'));
    await window.showContainer('Cowspace');
    await window.page.getByText('There are no workspaces yet').waitFor();
    await sandbox().cowspace.create([sandbox().directory('base')], '--name', 'first');
    await window.tree('Workspaces').row('first').waitFor();
  });

  it('lists the workspaces without starting a daemon', async () => {
    await sandbox().cowspace.run(['unmount', 'first']);
    const window = await editor().open(sandbox().directory('unrelated'));
    await window.showContainer('Cowspace');
    await window.tree('Workspaces').row('first').waitFor();
    const [{ pid, mounted } = assert.fail()] = await sandbox().cowspace.list();
    assert.deepEqual({ pid, mounted }, { pid: null, mounted: false });
  });
});

describe('a window where no watches are left', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox, 'inotify watches');

  it('follows what the command line does with workspaces', async () => {
    const { cowspace } = sandbox();
    await cowspace.create([sandbox().directory('base')], '--name', 'first');
    const window = await editor().open(sandbox().directory('unrelated'));
    await window.showContainer('Cowspace');
    const workspaces = window.tree('Workspaces');
    await workspaces.untilLabels(['first']);
    await cowspace.create([sandbox().directory('base')], '--name', 'second');
    await workspaces.untilLabels(['first', 'second']);
    await cowspace.run(['unmount', 'second']);
    await workspaces.locator.getByRole('treeitem', { name: /^second, not mounted/ }).waitFor();
    await cowspace.run(['remove', 'first']);
    await workspaces.untilLabels(['second']);
  });
});
