import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
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
import { commandOf, processesWithEnvironment } from '../../support/processes';
import type { Sandbox } from '../../support/sandbox';
import { until } from '../../support/until';
import { appears } from './appears';
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

/** What a machine may be without. Only root can take it away from an editor. */
export type Lack = 'FUSE' | 'inotify watches';

/** A real VS Code with the packaged extension, which shows its windows in a headless browser. */
export class Editor {
  private constructor(
    private readonly sandbox: Sandbox,
    private readonly server: Server,
    private readonly context: BrowserContext,
  ) {}

  /**
   * @param sandbox holds all its files and the workspaces that it sees; ends it.
   * @param lack of the machine that it runs on
   */
  static async start(sandbox: Sandbox, lack?: Lack): Promise<Editor> {
    const provided = await provideCodeServer();
    const installation = lack ? { ...provided, node: launchers[lack](sandbox, provided.node) } : provided;
    const profile = editorProfile(sandbox);
    writeSettings(profile, quietSettings);
    await installExtension(installation, profile, vsixPath);
    const server = await startServer(installation, profile, ['--disable-workspace-trust']);
    sandbox.onDispose(() => server.stop());
    const browser = await launchBrowser();
    sandbox.onDispose(() => browser.close());
    return new Editor(sandbox, server, await browser.newContext({ viewport: { width: 1280, height: 800 } }));
  }

  /** Opens a folder in a new window. */
  async open(folder: string): Promise<Workbench> {
    return Workbench.open(await this.context.newPage(), folderUrl(this.server, folder));
  }

  /** Opens several folders in one new window. @param file to describe them in, of the type .code-workspace */
  async openAll(folders: readonly string[], file: string): Promise<Workbench> {
    writeFileSync(file, JSON.stringify({ folders: folders.map((path) => ({ path })) }));
    const url = `${this.server.url}/?workspace=${encodeURIComponent(file)}`;
    const window = await Workbench.open(await this.context.newPage(), url);
    await window.showContainer('Explorer');
    const firstRow = window.tree('Files Explorer').locator.getByRole('treeitem').first();
    await until('the window shows the folders', async () => {
      if (await appears(firstRow, 5_000)) return true;
      // In a browser VS Code at times misses the folders when it reads such a file for the first time.
      await window.reload();
      return false;
    });
    return window;
  }

  /** The window that is opened next, by whatever a test does in another one. */
  async nextWindow(): Promise<Workbench> {
    return Workbench.of(await this.context.waitForEvent('page'));
  }

  /** The processes that the extension runs in, one for each window, the newest last, and some of closed windows. */
  extensionHosts(): number[] {
    const all = processesWithEnvironment('COWSPACE_HOME', this.sandbox.cowspace.home);
    return all.filter((pid) => commandOf(pid).includes('--type=extensionHost'));
  }

  async closeWindows(): Promise<void> {
    for (const page of this.context.pages()) await page.close();
  }

  /** Writes a picture of every window, to see why a test failed. */
  async photograph(name: string): Promise<void> {
    for (const [index, page] of this.context.pages().entries()) {
      const path = join(tmpdir(), 'cowspace-test-failures', `${name.replace(/\W+/g, '-')}-${index + 1}.png`);
      await page.screenshot({ path });
      console.log(`      picture: ${path}`);
    }
  }
}

/** Gives the enclosing suite an editor. @param lack as in {@link Editor.start} */
export function useEditor(sandbox: () => Sandbox, lack?: Lack): () => Editor {
  let editor: Editor | undefined;
  if (lack) {
    before(`only root can take ${lack} away`, function () {
      if (userInfo().uid !== 0) this.skip();
    });
  }
  before('start an editor', async () => {
    editor = await Editor.start(sandbox(), lack);
  });
  afterEach('photograph a failure', async function () {
    if (this.currentTest?.state === 'failed') await editor?.photograph(this.currentTest.fullTitle());
  });
  return () => {
    if (editor === undefined) throw new Error('there is an editor only in a test or hook');
    return editor;
  };
}

export function editorProfile(sandbox: Sandbox): Profile {
  return {
    directory: sandbox.directory('editor'),
    environment: {
      ...sandbox.cowspace.environment,
      HOME: sandbox.root,
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

/** Make a program that runs `program` where something is missing. */
const launchers: Record<Lack, (sandbox: Sandbox, program: string) => string> = {
  /** Where /dev has the usual devices, but not that of FUSE. */
  FUSE: (sandbox, program) => {
    const devices = sandbox.directory('dev');
    return makeLauncher(sandbox, program, '--mount', [
      `mount -t tmpfs none ${devices}`,
      'for name in null zero full random urandom tty; do',
      `  touch ${devices}/$name`,
      `  mount --bind /dev/$name ${devices}/$name`,
      'done',
      'for name in pts shm; do',
      `  mkdir ${devices}/$name`,
      `  mount --rbind /dev/$name ${devices}/$name`,
      'done',
      `mount --rbind ${devices} /dev`,
    ]);
  },
  /** In a user namespace, because that has limits of its own. */
  'inotify watches': (sandbox, program) =>
    makeLauncher(sandbox, program, '--user --map-root-user', ['echo 0 > /proc/sys/user/max_inotify_watches']),
};

/** @param namespaces options of unshare(1). @param preparation what a shell does in them first */
function makeLauncher(
  sandbox: Sandbox,
  program: string,
  namespaces: string,
  preparation: readonly string[],
): string {
  const launcher = sandbox.path('launcher');
  const script = `#!/bin/sh
exec unshare ${namespaces} sh -e -c '
  ${preparation.join('\n  ')}
  exec "$0" "$@"
' ${program} "$@"
`;
  writeFileSync(launcher, script, { mode: 0o755 });
  return launcher;
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
