import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOnPath } from '../../scripts/command.mjs';
import { mountsBelow } from '../support/mounts';
import { processesWithEnvironment } from '../support/processes';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { projectDirectory } from '../support/users';
import { launchBrowser } from './support/editor';
import { Workbench } from './support/workbench';

describe('npm start', () => {
  const sandbox = useSandbox();

  it('serves a pristine copy in an editor until Ctrl-C, then unmounts and keeps what was changed', async function () {
    if (isOnPath('code')) this.skip();
    const base = sandbox().directory('project');
    writeFileSync(join(base, 'file.txt'), 'base\n');
    const start = spawn(process.execPath, [join(projectDirectory, 'scripts/start.mjs'), base], {
      env: { ...sandbox().cowspace.environment, HOME: sandbox().root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    start.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const url = await until('it prints the address', () => /http:\S+/.exec(output)?.[0], 120_000);

    const browser = await launchBrowser();
    sandbox().onDispose(() => browser.close());
    const window = await Workbench.open(await browser.newPage(), url);
    await window.showContainer('Cowspace');
    const [workspace] = await sandbox().cowspace.list();
    assert.ok(workspace);
    assert.match(output, new RegExp(workspace.mount));
    writeFileSync(join(workspace.mount, 'file.txt'), 'changed\n');
    await window.tree('Changes').untilLabels(['file.txt']);

    start.kill('SIGINT');
    assert.deepEqual(await once(start, 'exit'), [0, null]);
    assert.deepEqual(mountsBelow(sandbox().root), []);
    assert.deepEqual(processesWithEnvironment('COWSPACE_HOME', sandbox().cowspace.home), []);
    assert.ok(existsSync(workspace.scratch));
    await sandbox().cowspace.mount(workspace.name);
    assert.equal((await sandbox().cowspace.status(workspace.name)).changes.length, 1);
  });
});
