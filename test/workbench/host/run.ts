/**
 * Runs the tests beside this file inside VS Code's extension host, in a window that shows a pristine copy of a
 * repository: `tsx test/workbench/host/run.ts`
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { folderUrl, provideCodeServer, startServer, writeSettings } from '../../../scripts/code-server.mjs';
import { makeRepository } from '../../support/repository';
import { Sandbox } from '../../support/sandbox';
import { projectDirectory } from '../../support/users';
import { editorProfile, launchBrowser, quietSettings } from '../support/editor';
import { environmentNames, reportMarker } from './contract';

const timeoutMilliseconds = 300_000;

async function main(): Promise<boolean> {
  const sandbox = new Sandbox();
  try {
    const tests = await bundleTests();
    const base = sandbox.path('repository');
    await makeRepository(base);
    const { mount } = await sandbox.cowspace.create([base]);
    const counts = process.env['COWSPACE_TEST_COUNTS'] ?? sandbox.path('counts.json');
    rmSync(counts, { force: true });
    const code = await runInHost(sandbox, mount, tests, {
      [environmentNames.base]: base,
      COWSPACE_TEST_COUNTS: counts,
    });
    return code === 0 && allPassed(counts);
  } finally {
    await sandbox.dispose();
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

/** Returns the exit code that the extension host reports. */
async function runInHost(
  sandbox: Sandbox,
  folder: string,
  tests: string,
  environment: Record<string, string>,
): Promise<number> {
  const profile = editorProfile(sandbox);
  // Without a gallery the server leaves web extensions alone, which would shadow the one under development.
  profile.environment['EXTENSIONS_GALLERY'] = '{}';
  writeSettings(profile, quietSettings);
  const options = ['--disable-workspace-trust', '--vscode-option', 'enable-smoke-test-driver'];
  const server = await startServer(await provideCodeServer(), profile, options);
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const exited = untilExit(page);
    const payload = [
      ['extensionDevelopmentPath', remoteUri(projectDirectory)],
      ['extensionTestsPath', remoteUri(tests)],
      ['skipWelcome', 'true'],
      ['extensionEnvironment', JSON.stringify(environment)],
    ];
    await page.goto(`${folderUrl(server, folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
    return await exited;
  } finally {
    await browser.close();
    await server.stop();
  }
}

/**
 * VS Code's workbench calls these functions of the window, with all that is printed in it and how the tests end.
 * What the window itself prints matters only when they fail.
 */
async function untilExit(page: Page): Promise<number> {
  const windowLog: unknown[][] = [];
  await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
    if (args[0] === reportMarker) console.log(...args.slice(1));
    else windowLog.push(args);
  });
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`no end after ${timeoutMilliseconds} ms`)),
      timeoutMilliseconds,
    );
    void page.exposeFunction('codeAutomationExit', (code: number) => {
      clearTimeout(late);
      if (code !== 0) for (const args of windowLog) console.log(...args);
      resolve(code);
    });
  });
}

function remoteUri(path: string): string {
  return `vscode-remote://localhost${path}`;
}

/** An extension host that dies reports success too: only what the tests themselves wrote at their end counts. */
function allPassed(counts: string): boolean {
  if (!existsSync(counts)) throw new Error('the extension host ended before its tests did');
  const { passed, failed } = JSON.parse(readFileSync(counts, 'utf8')) as { passed: number; failed: number };
  return failed === 0 && passed > 0;
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
