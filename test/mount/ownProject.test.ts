import { strict as assert } from 'node:assert';
import { cpSync } from 'node:fs';
import { basename } from 'node:path';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';
import { projectDirectory } from '../support/users';

/** What a fresh clone does not have. */
const generated = new Set(['.git', '.cache', 'dist', 'node_modules']);

describe('this project in a pristine copy of itself', function () {
  this.timeout(400_000);
  const sandbox = useSandbox('suite');
  let base: string;
  let mount: string;

  before(async () => {
    base = sandbox().path('project');
    cpSync(projectDirectory, base, { recursive: true, filter: (path) => !generated.has(basename(path)) });
    ({ mount } = await sandbox().cowspace.create([base]));
  });

  it('installs its packages, builds, and passes its unit tests, those of the engine apart', async () => {
    const before = snapshot(base);
    await npm('ci', '--no-audit', '--no-fund');
    await npm('run', 'build');
    // These work for long, and elsewhere than in the project.
    await npm('run', 'test:unit', '--', '--ignore', 'test/unit/{delta,engine}/**');
    assert.deepEqual(snapshot(base), before);
  });

  async function npm(...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await sandbox().cowspace.runProgram('npm', args, {
      cwd: mount,
      timeout: 300_000,
    });
    assert.equal(code, 0, `npm ${args.join(' ')}\n${stdout}${stderr}`);
  }
});
