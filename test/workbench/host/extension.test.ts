import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { until } from '../../support/until';
import { environmentNames, reportMarker } from './contract';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[] };
}

describe('the extension in its host', () => {
  const base = process.env[environmentNames.base]!;
  const [folder] = vscode.workspace.workspaceFolders!;
  const mount = folder!.uri;
  const extension = vscode.extensions.getExtension<unknown>('cowspace.cowspace')!;

  const uriOf = (path: string): vscode.Uri => vscode.Uri.joinPath(mount, path);
  const write = (path: string, text: string): Thenable<void> =>
    vscode.workspace.fs.writeFile(uriOf(path), Buffer.from(text));

  before('activate it, without questions', async () => {
    await extension.activate();
    const settings = vscode.workspace.getConfiguration('cowspace');
    for (const name of ['confirmCommit', 'confirmDiscard']) {
      await settings.update(name, false, vscode.ConfigurationTarget.Global);
    }
  });

  it('has every command that its manifest names', async () => {
    const { contributes } = extension.packageJSON as Manifest;
    const known = new Set(await vscode.commands.getCommands(true));
    const missing = contributes.commands.filter(({ command }) => !known.has(command));
    assert.deepEqual(missing, []);
  });

  it('diffs the active file against its base, which cannot be written', async () => {
    const pristine = readFileSync(join(base, 'LICENSE'), 'utf8');
    await write('LICENSE', 'Edited.\n');
    await vscode.window.showTextDocument(uriOf('LICENSE'));
    const diff = await until('the diff is the active tab', async () => {
      await vscode.commands.executeCommand('cowspace.openChanges');
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputTextDiff && input;
    });
    assert.equal(diff.modified.fsPath, uriOf('LICENSE').fsPath);
    const original = await vscode.workspace.openTextDocument(diff.original);
    assert.equal(original.getText(), pristine);
    assert.equal(vscode.workspace.fs.isWritableFileSystem(diff.original.scheme), false);
    await assert.rejects(async () => vscode.workspace.fs.writeFile(diff.original, Buffer.from('x')));
  });

  it('commits all without a question where the setting says so and nothing is deleted', async () => {
    await write('created.txt', 'new\n');
    await until('the base has the file', async () => {
      await vscode.commands.executeCommand('cowspace.commitAll');
      return existsSync(join(base, 'created.txt'));
    });
    assert.equal(readFileSync(join(base, 'created.txt'), 'utf8'), 'new\n');
  });

  it('shows the base in an open document after a discard', async () => {
    const pristine = readFileSync(join(base, 'package.json'), 'utf8');
    const document = await vscode.workspace.openTextDocument(uriOf('package.json'));
    await write('package.json', '{}\n');
    await until('the document shows the edit', () => document.getText() === '{}\n');
    await until('the document shows the base', async () => {
      await vscode.commands.executeCommand('cowspace.discardAll');
      return document.getText() === pristine;
    });
  });

  it('starts after the editor has, and tells how long that takes', async () => {
    await vscode.commands.executeCommand('perfview.show');
    // The editor's own measurements, a table of: eager or not, milliseconds (three columns), event, by whom.
    const cells = await until('the editor shows how long extensions took to start', () => {
      const report = vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'perf');
      return /^\| cowspace\.cowspace .*$/m.exec(report?.getText() ?? '')?.[0].split('|');
    });
    const [eager, load, activate, finish, event] = cells.slice(2).map((cell) => cell.trim());
    assert.deepEqual({ eager, event }, { eager: 'false', event: 'onStartupFinished' });
    console.log(reportMarker, `      ${load!} ms to load, ${activate!} + ${finish!} ms to activate`);
  });
});
