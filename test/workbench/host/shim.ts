#!/usr/bin/env -S node --import tsx
/**
 * Stands in for the executable of VS Code where that cannot be had: takes the arguments with which tests are run in the
 * extension host, runs them in code-server's, and exits as VS Code does.
 */
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { folderUrl, provideCodeServer, startServer } from '../../../scripts/code-server.mjs';
import { launchBrowser } from '../support/editor';
import { environmentNames, reportMarker } from './contract';

const timeoutMilliseconds = 300_000;

/** Returns the exit code that the extension host reports. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    // VS Code has many more options, which make no difference here.
    strict: false,
    allowPositionals: true,
    options: {
      extensionDevelopmentPath: { type: 'string' },
      extensionTestsPath: { type: 'string' },
      'user-data-dir': { type: 'string' },
    },
  });
  const [folder] = positionals;
  const { extensionDevelopmentPath, extensionTestsPath, 'user-data-dir': userData } = values;
  const names = Object.values(environmentNames);
  const environment = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  const profile = {
    directory: dirname(String(userData)),
    // Without a gallery the server leaves web extensions alone, which would shadow the one under development.
    environment: { ...process.env, EXTENSIONS_GALLERY: '{}' },
  };
  const options = ['--disable-workspace-trust', '--vscode-option', 'enable-smoke-test-driver'];
  const server = await startServer(await provideCodeServer(), profile, options);
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const exited = untilExit(page);
    const payload = [
      ['extensionDevelopmentPath', remoteUri(String(extensionDevelopmentPath))],
      ['extensionTestsPath', remoteUri(String(extensionTestsPath))],
      ['skipWelcome', 'true'],
      ['extensionEnvironment', JSON.stringify(environment)],
    ];
    await page.goto(`${folderUrl(server, folder!)}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
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

void main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
