import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRepository } from '../support/repository';
import { endProcesses, untilEnded } from '../support/processes';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';
import { until } from '../support/until';
import { useEditor } from './support/editor';

describe('workspaces in the editor', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);
  let base: string;

  before(async () => {
    base = sandbox().path('project');
    await makeRepository(base);
  });

  afterEach('close all windows, remove all workspaces', async () => {
    await editor().closeWindows();
    for (const { name } of await sandbox().cowspace.list()) {
      await sandbox().cowspace.json(['remove', name, '--force']);
    }
  });

  it('opens a pristine copy of the folder of the window, in a new window', async () => {
    const window = await editor().open(base);
    await window.runCommand('Cowspace: Open Pristine Copy');
    const opened = editor().nextWindow();
    await window.quickInput.getByRole('button', { name: 'Open Pristine Copy' }).click();
    const copy = await opened;
    const [workspace] = await sandbox().cowspace.list();
    assert.ok(workspace);
    assert.deepEqual(workspace.bases, [base]);
    assert.equal(workspace.mounted, true);
    await copy.tree('Files Explorer').row('package.json').waitFor();
    await copy.showContainer('Cowspace');
    await copy.tree('Workspaces').row(workspace.name).waitFor();
    assert.deepEqual(snapshot(workspace.mount, ['.git']), snapshot(base, ['.git']));
  });

  it('opens a pristine copy of a folder from its context menu in the explorer', async () => {
    const window = await editor().open(base);
    await window.showContainer('Explorer');
    const opened = editor().nextWindow();
    await window.tree('Files Explorer').runContextAction('src', 'Open Pristine Copy');
    const copy = await opened;
    const [workspace] = await sandbox().cowspace.list();
    assert.deepEqual(workspace?.bases, [join(base, 'src')]);
    await copy.tree('Files Explorer').row('core').waitFor();
  });

  it('mounts again when a window is reopened whose daemon was killed, and has all that was saved', async () => {
    const { name, mount, pid } = await sandbox().cowspace.create([base]);
    const window = await editor().open(mount);
    await window.showContainer('Cowspace');
    writeFileSync(join(mount, 'saved.txt'), 'saved\n');
    await window.tree('Changes').untilLabels(['saved.txt']);
    await window.close();
    // That of a closed window may stay for some time, and would start the daemon again.
    await endProcesses(editor().extensionHosts());
    assert.ok(pid !== null);
    process.kill(pid, 'SIGKILL');
    await untilEnded([pid]);

    const reopened = await editor().open(mount);
    await reopened.untilReloaded();
    await reopened.showContainer('Cowspace');
    await reopened.tree('Changes').untilLabels(['saved.txt']);
    await reopened.showContainer('Explorer');
    await reopened.tree('Files Explorer').row('package.json').waitFor();
    assert.equal(readFileSync(join(mount, 'saved.txt'), 'utf8'), 'saved\n');
    assert.notEqual((await sandbox().cowspace.list()).find((each) => each.name === name)?.pid, pid);
  });

  it('shows two workspaces in one window, each with its own changes', async () => {
    const other = sandbox().path('other');
    await makeRepository(other);
    const first = await sandbox().cowspace.create([base], '--name', 'first');
    const second = await sandbox().cowspace.create([other], '--name', 'second');
    const file = sandbox().path('both.code-workspace');
    const window = await editor().openAll([first.mount, second.mount], file);
    await window.showContainer('Cowspace');
    const changes = window.tree('Changes');
    await changes.untilLabels(['first', 'second']);
    writeFileSync(join(first.mount, 'one.txt'), '1\n');
    writeFileSync(join(second.mount, 'two.txt'), '2\n');
    await changes.untilLabels(['first', 'one.txt', 'second', 'two.txt']);
    await changes.runInlineAction('second', 'Commit All');
    await window.answerDialog('Commit');
    await changes.untilLabels(['first', 'one.txt', 'second']);
    assert.equal(existsSync(join(other, 'two.txt')), true);
    assert.equal(existsSync(join(base, 'one.txt')), false);
  });

  it('shows in each of two windows the changes of its own workspace', async () => {
    const first = await sandbox().cowspace.create([base], '--name', 'first');
    const second = await sandbox().cowspace.create([base], '--name', 'second');
    const windows = [await editor().open(first.mount), await editor().open(second.mount)] as const;
    for (const window of windows) await window.showContainer('Cowspace');
    writeFileSync(join(first.mount, 'one.txt'), '1\n');
    writeFileSync(join(second.mount, 'two.txt'), '2\n');
    await windows[0].tree('Changes').untilLabels(['one.txt']);
    await windows[1].tree('Changes').untilLabels(['two.txt']);
  });

  it('unmounts and mounts a workspace from its row', async () => {
    const { name, mount } = await sandbox().cowspace.create([base]);
    const window = await editor().open(base);
    await window.showContainer('Cowspace');
    const workspaces = window.tree('Workspaces');
    await workspaces.runInlineAction(name, 'Unmount');
    await workspaces
      .row(name)
      .getByRole('button', { name: 'Mount', exact: true })
      .waitFor({ state: 'attached' });
    assert.deepEqual(readdirSync(mount), []);
    await workspaces.runInlineAction(name, 'Mount');
    await workspaces.row(name).getByRole('button', { name: 'Unmount' }).waitFor({ state: 'attached' });
    assert.ok(readdirSync(mount).includes('package.json'));
  });

  it('unmounts the workspace of the window, and offers to mount it again', async () => {
    const { mount } = await sandbox().cowspace.create([base], '--name', 'first');
    const other = await sandbox().cowspace.create([base], '--name', 'second');
    const window = await editor().open(mount);
    await window.showContainer('Cowspace');
    await window.statusBarItem('first').waitFor();
    await window.runCommand('Cowspace: Unmount');
    assert.match(await window.answerDialog('Unmount'), /'first', which this window shows/);
    const offer = window.page.locator('.part.sidebar').getByRole('button', { name: 'Mount', exact: true });
    await offer.waitFor();
    assert.deepEqual(readdirSync(mount), []);
    assert.ok(readdirSync(other.mount).includes('package.json'));
    await offer.click();
    await window.page.getByText('No changes yet').waitFor();
    assert.ok(readdirSync(mount).includes('package.json'));
  });

  it('removes a workspace with its scratch, after it said what is lost', async () => {
    const { name, mount, scratch } = await sandbox().cowspace.create([base]);
    writeFileSync(join(mount, 'lost.txt'), 'lost\n');
    const window = await editor().open(base);
    await window.showContainer('Cowspace');
    await window.tree('Workspaces').runContextAction(name, 'Remove');
    assert.match(await window.answerDialog('Remove'), /Lost with it:\s+lost\.txt/);
    await window.tree('Workspaces').untilLabels([]);
    assert.equal(existsSync(scratch), false);
    assert.deepEqual(await sandbox().cowspace.list(), []);
  });

  it('removes the workspace that the window shows, which shows the base from then on', async () => {
    const { mount, scratch } = await sandbox().cowspace.create([base]);
    writeFileSync(join(mount, 'lost.txt'), 'lost\n');
    const window = await editor().open(mount);
    await window.showContainer('Cowspace');
    await window.tree('Changes').untilLabels(['lost.txt']);
    await window.runCommand('Cowspace: Remove');
    await window.answerDialog('Remove and Open Base');
    await until('the workspace is gone', async () => (await sandbox().cowspace.list()).length === 0);
    assert.equal(existsSync(scratch), false);
    await window.showContainer('Explorer');
    await window.tree('Files Explorer').row('package.json').waitFor();
    assert.equal(new URL(window.page.url()).searchParams.get('folder'), base);
    assert.equal(existsSync(join(base, 'lost.txt')), false);
  });
});
