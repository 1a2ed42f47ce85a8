import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';
import {
  folderUrl,
  installExtension,
  provideCodeServer,
  startServer,
  writeSettings,
  type Profile,
  type Server,
} from '../../../scripts/code-server.mjs';
import { vsixPath } from '../../../scripts/project.mjs';
import type { Sandbox } from '../../support/sandbox';
import { Workbench } from './workbench';

/** Nothing that moves, greets or fetches. */
export const quietSettings = {
  'workbench.reduceMotion': 'on',
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
};

/** A real VS Code with the packaged extension, which shows its windows in a headless browser. */
export class Editor {
  private constructor(
    private readonly server: Server,
    private readonly browser: Browser,
    private readonly context: BrowserContext,
  ) {}

  /** @param sandbox holds all its files, and the workspaces that it sees. */
  static async start(sandbox: Sandbox, userSettings: Record<string, unknown> = {}): Promise<Editor> {
    const installation = await provideCodeServer();
    const profile = editorProfile(sandbox);
    writeSettings(profile, { ...quietSettings, ...userSettings });
    await installExtension(installation, profile, vsixPath);
    const server = await startServer(installation, profile, ['--disable-workspace-trust']);
    const browser = await launchBrowser();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    return new Editor(server, browser, context);
  }

  /** Opens a folder in a window and waits until it can be used. */
  async open(folder: string): Promise<Workbench> {
    const page = await this.context.newPage();
    await page.goto(folderUrl(this.server, folder));
    const workbench = new Workbench(page);
    await workbench.untilReady();
    return workbench;
  }

  async dispose(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
  }
}

export function editorProfile(sandbox: Sandbox): Profile {
  return {
    directory: sandbox.directory('editor'),
    environment: {
      ...sandbox.cowspace.environment,
      TMPDIR: sandbox.directory('tmp'),
      XDG_CONFIG_HOME: sandbox.directory('config'),
      XDG_DATA_HOME: sandbox.directory('data'),
    },
  };
}

export function launchBrowser(): Promise<Browser> {
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
  const offline = ['--disable-background-networking', '--disable-component-update'];
  // Chromium refuses to run its sandbox as root.
  return chromium.launch({ executablePath: findBrowser(), args: ['--no-sandbox', ...quiet, ...offline] });
}

function findBrowser(): string {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((directory) => names.map((name) => join(directory, name)))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`none of ${names.join(', ')} is on PATH`);
  return path;
}
