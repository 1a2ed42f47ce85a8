import assert from 'node:assert/strict';
import { runChecked } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { projectDirectory } from '../support/users';

describe('the package for npm', function () {
  this.timeout(300_000);
  const sandbox = useSandbox();

  it('runs in an empty folder', async () => {
    const cwd = sandbox().directory('empty');
    const pack = ['pack', '--json', '--loglevel=error', '--pack-destination', cwd];
    const packed = await runChecked('npm', pack, { cwd: projectDirectory, timeout: 300_000 });
    // What the build prints comes first.
    const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('[\n'))) as [
      { filename: string; files: { path: string }[] },
    ];
    assert.deepEqual(
      files.filter(({ path }) => /\.(map|node)$|^(src|test|scripts)\/|extension/.test(path)),
      [],
    );
    for (const path of [
      'dist/cowspace.1',
      'dist/completions/cowspace.bash',
      'dist/THIRD-PARTY-NOTICES.txt',
    ]) {
      assert.ok(
        files.some((file) => file.path === path),
        path,
      );
    }
    const env = { ...sandbox().cowspace.environment, npm_config_cache: sandbox().path('cache') };
    const doctor = ['--yes', '--loglevel=error', `./${filename}`, 'doctor', '--json'];
    const output = await runChecked('npx', doctor, { cwd, env, timeout: 300_000 });
    const { checks } = JSON.parse(output) as { checks: { id: string; level: string }[] };
    assert.ok(checks.some(({ id, level }) => id === 'native' && level === 'ok'));
  });
});
