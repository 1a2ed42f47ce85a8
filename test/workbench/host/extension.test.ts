import assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('the window of a pristine copy', () => {
  it('shows the mount as its only folder', () => {
    assert.equal(vscode.workspace.workspaceFolders?.length, 1);
  });
});
