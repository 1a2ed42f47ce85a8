import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { targetNames, targets, thisTarget, vsixOf, type Target } from '../../scripts/targets.mjs';
import { runChecked, runCommand } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { projectDirectory } from '../support/users';

const megabyte = 1_000_000;

describe('the packages of the extension', function () {
  this.timeout(300_000);
  const sandbox = useSandbox('suite');

  before('make them', async () => {
    await runChecked('npm', ['run', 'package'], { cwd: projectDirectory, timeout: 300_000 });
  });

  for (const target of targetNames) {
    it(`have for ${target} what it needs, and nothing else`, async () => {
      const { root, files } = await unpack(target);
      const natives = files.filter((file) => file.startsWith('dist/node_modules/'));
      const expected = targets[target].flatMap(({ package: name, files: parts }) =>
        parts.map((part) => `dist/node_modules/${name}/${part}`),
      );
      assert.deepEqual(natives, expected.sort());
      const binaries = natives.filter((file) => file.endsWith('/koffi.node'));
      assert.equal(binaries.length, target === 'universal' ? 0 : 1);
      for (const needed of ['dist/extension.js', 'dist/daemon.js', 'dist/engine.js', 'media/icon.png']) {
        assert.ok(files.includes(needed), `${needed} is missing`);
      }
      const surplus = files.filter((file) => /\.(map|ts)$|^(src|test|scripts)\//.test(file));
      assert.deepEqual(surplus, []);
      assert.ok(statSync(vsixOf(target)).size < 3 * megabyte);
      assert.match(await runChecked(process.execPath, [join(root, 'dist/cli.js'), '--version']), /^\d/);
    });
  }

  it('lead from the description to documents that are not in them', async () => {
    const { root } = await unpack('universal');
    // The name that the packager gives it.
    const description = readFileSync(join(root, 'readme.md'), 'utf8');
    const links = [...description.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    assert.ok(links.length > 0);
    assert.deepEqual(
      links.filter((link) => !link.startsWith('https://')),
      [],
    );
  });

  it('have the licences of what is bundled', async () => {
    const { root } = await unpack('universal');
    const notices = readFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['commander', 'diff', 'vscode-jsonrpc', 'zod']) {
      assert.match(notices, new RegExp(`^${name} [\\d.]+\n\n[^]*?(copyright|MIT)`, 'im'));
    }
  });

  it('make system calls on this machine', async () => {
    const { root } = await unpack(thisTarget());
    const { stdout } = await runCommand(process.execPath, [join(root, 'dist/cli.js'), 'doctor'], {
      env: sandbox().cowspace.environment,
    });
    assert.match(stdout, /System calls can be made/);
  });

  it('say so where there are no binaries for the platform', async () => {
    const { root } = await unpack('universal');
    const { code, stdout } = await runCommand(process.execPath, [join(root, 'dist/cli.js'), 'doctor'], {
      env: sandbox().cowspace.environment,
    });
    assert.equal(code, 1);
    assert.match(stdout, /System calls cannot be made/);
  });

  /** Returns where a package was unpacked and what is in it, sorted. */
  async function unpack(target: Target): Promise<{ root: string; files: string[] }> {
    const directory = sandbox().path(target);
    await runChecked('unzip', ['-qo', vsixOf(target), '-d', directory]);
    const root = join(directory, 'extension');
    const names = await runChecked('find', ['.', '-type', 'f', '-printf', '%P\\n'], { cwd: root });
    return { root, files: names.trim().split('\n').sort() };
  }
});
