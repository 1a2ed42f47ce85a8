/**
 * Runs the tests beside this file inside VS Code's extension host, in a window that shows a pristine copy of a
 * repository: `tsx test/workbench/host/run.ts [--desktop | --shim]`. The tests run in desktop VS Code, with --shim or
 * where that cannot be had in code-server; with --desktop its lack is a failure.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runTests, TestRunFailedError } from '@vscode/test-electron';
import { build } from 'esbuild';
import { writeSettings } from '../../../scripts/code-server.mjs';
import { makeRepository } from '../../support/repository';
import { Sandbox } from '../../support/sandbox';
import { projectDirectory } from '../../support/users';
import { editorProfile, quietSettings } from '../support/editor';
import { environmentNames } from './contract';
import { desktopEditors, shim, type HostEditor } from './editors';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed. */
  broken: string[];
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { desktop: { type: 'boolean' }, shim: { type: 'boolean' } } });
  const editors = values.shim === true ? [shim] : await availableEditors(values.desktop === true);
  const tests = await bundleTests();
  const total: Counts = { passed: 0, failed: 0, skipped: 0, broken: [] };
  for (const editor of editors) {
    console.log(`\nIn the extension host of ${editor.name}:`);
    const { passed, failed, skipped, broken } = await runIn(editor, tests);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    total.broken.push(...broken);
  }
  console.log(`Ran in ${editors.map(({ name }) => name).join(' and ')}.`);
  const counts = process.env[environmentNames.counts];
  if (counts !== undefined) writeFileSync(counts, JSON.stringify(total));
  return total.failed === 0;
}

async function availableEditors(desktopOnly: boolean): Promise<HostEditor[]> {
  try {
    return await desktopEditors();
  } catch (error) {
    if (desktopOnly) throw error;
    console.log(`Desktop VS Code cannot be used here: ${(error as Error).message}.`);
    return [shim];
  }
}

/** The extension host runs JavaScript: makes one file of each test. */
async function bundleTests(): Promise<string> {
  const outdir = join(projectDirectory, 'dist/test/host');
  const names = readdirSync(__dirname).filter((name) => name.endsWith('.test.ts'));
  rmSync(outdir, { recursive: true, force: true });
  await build({
    entryPoints: ['index.ts', ...names].map((name) => join(__dirname, name)),
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    sourcemap: 'inline',
    external: ['vscode', 'mocha'],
  });
  return join(outdir, 'index');
}

async function runIn(editor: HostEditor, tests: string): Promise<Counts> {
  const sandbox = new Sandbox();
  try {
    const base = sandbox.path('repository');
    await makeRepository(base);
    const { mount } = await sandbox.cowspace.create([base]);
    const profile = editorProfile(sandbox);
    writeSettings(profile, quietSettings);
    const counts = sandbox.path('counts.json');
    const exitCode = await runTests({
      vscodeExecutablePath: editor.executable,
      extensionDevelopmentPath: projectDirectory,
      extensionTestsPath: tests,
      launchArgs: [
        mount,
        `--user-data-dir=${join(profile.directory, 'data')}`,
        `--extensions-dir=${join(profile.directory, 'extensions')}`,
      ],
      extensionTestsEnv: {
        ...profile.environment,
        [environmentNames.base]: base,
        [environmentNames.counts]: counts,
      },
    }).catch(exitCodeOf);
    return readCounts(counts, exitCode);
  } finally {
    await sandbox.dispose();
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof TestRunFailedError) return error.code ?? 1;
  throw error;
}

/** An extension host that dies reports success too: only what the tests themselves wrote at their end counts. */
function readCounts(file: string, exitCode: number): Counts {
  if (!existsSync(file)) throw new Error('the extension host ended before its tests did');
  const counts = JSON.parse(readFileSync(file, 'utf8')) as Counts;
  if (counts.passed === 0) throw new Error('no test has passed');
  return { ...counts, failed: exitCode === 0 ? counts.failed : Math.max(counts.failed, 1) };
}

void main().then(
  (passed) => {
    process.exitCode = passed ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
