import assert from 'node:assert/strict';
import { useSandbox } from '../support/sandbox';
import { useEditor } from './support/editor';

describe('a window that shows no workspace', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);

  it('lists the workspaces without starting a daemon', async () => {
    await sandbox().cowspace.create([sandbox().directory('base')], '--name', 'first');
    await sandbox().cowspace.run(['unmount', 'first']);
    const window = await editor().open(sandbox().directory('unrelated'));
    await window.showContainer('Cowspace');
    await window.tree('Workspaces').row('first').waitFor();
    const [{ pid, mounted } = assert.fail()] = await sandbox().cowspace.list();
    assert.deepEqual({ pid, mounted }, { pid: null, mounted: false });
  });
});
