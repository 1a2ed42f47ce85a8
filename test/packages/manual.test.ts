import assert from 'node:assert/strict';
import { isOnPath } from '../../scripts/command.mjs';
import { commands } from '../../src/cli/commands';
import { runCommand } from '../support/command';
import { useSandbox } from '../support/sandbox';

describe('the manual page', () => {
  const sandbox = useSandbox('suite');
  let page: string;

  before(async () => {
    ({ stdout: page } = await sandbox().cowspace.run(['man']));
  });

  it('describes every command that help lists', async () => {
    const { stdout: help } = await sandbox().cowspace.run(['help']);
    for (const { name, hidden } of commands) {
      assert.equal(page.includes(`\n.SS ${name}\n`), hidden !== true);
      assert.equal(help.includes(`\n  ${name} `), hidden !== true);
    }
  });

  it('is clean to mandoc', async function () {
    if (!isOnPath('mandoc')) this.skip();
    const { stdout, stderr } = await runCommand('mandoc', ['-T', 'lint', '-W', 'warning'], { input: page });
    // A date would change the page with every build.
    const complaints = stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'));
    assert.deepEqual({ complaints, stderr }, { complaints: [], stderr: '' });
  });

  it('is readable', async function () {
    if (!isOnPath('mandoc')) this.skip();
    const { stdout } = await runCommand('mandoc', ['-T', 'ascii'], { input: page });
    const text = stdout.replace(/.[\b]/g, '');
    assert.match(text, /--delta-threshold size/);
    assert.match(text, /patch that git apply takes/);
  });
});
