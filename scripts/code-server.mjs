// A VS Code for machines that have none: code-server and the Node.js that it needs, both from the npm registry.
// `node scripts/code-server.mjs` fetches them ahead of time.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runMain, runQuietly, ScriptError } from './command.mjs';
import { cacheDirectory } from './project.mjs';

// A release of code-server runs on one major version of Node.js only.
const codeServerVersion = '4.139.1';
const nodePackage = `node-${process.platform}-${process.arch}`;
const nodeVersion = '24.21.0';

/**
 * @typedef {object} Installation
 * @property {string} node the program that runs it
 * @property {string} entry the script
 */

/**
 * Where one editor keeps its settings and extensions, apart from all others.
 * @typedef {object} Profile
 * @property {string} directory short: it holds sockets, whose path has at most 107 bytes
 * @property {NodeJS.ProcessEnv} environment
 */

/**
 * @typedef {object} Server
 * @property {string} url without a final slash
 * @property {() => string} log what it printed so far
 * @property {Promise<unknown>} ended settles when it stops, for whatever reason
 * @property {() => Promise<void>} stop
 */

/**
 * Returns the code-server in the cache, fetching it when it is not there.
 * @returns {Promise<Installation>}
 */
export async function provideCodeServer() {
  const directory = join(cacheDirectory(), `code-server-${codeServerVersion}-${nodePackage}-${nodeVersion}`);
  if (!existsSync(directory)) {
    console.log(`Fetching code-server ${codeServerVersion}, once, to ${directory} (800 MB)…`);
    await fetchInto(directory);
  }
  return {
    node: join(directory, 'node_modules', nodePackage, 'bin/node'),
    entry: join(directory, 'node_modules/code-server/out/node/entry.js'),
  };
}

/**
 * The directory appears as a whole or not at all: an interrupted download leaves nothing that looks finished.
 * @param {string} directory
 */
async function fetchInto(directory) {
  mkdirSync(dirname(directory), { recursive: true });
  removeAbandoned(dirname(directory));
  const partial = await mkdtemp(`${directory}${partialSuffix}`);
  try {
    await npmInstall(partial, `${nodePackage}@${nodeVersion}`, `code-server@${codeServerVersion}`);
    const editor = join(partial, 'node_modules/code-server/lib/vscode');
    await npmInstall(editor);
    await npmInstall(join(editor, 'extensions'));
    renameSync(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(directory)) throw error;
  }
}

/**
 * Install scripts are left out: they would compile for minutes, and the packages' own binaries suffice.
 * @param {string} directory
 * @param {string[]} packages none: those that its package.json names
 */
async function npmInstall(directory, ...packages) {
  const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await runQuietly('npm', ['install', '--prefix', directory, ...options, ...packages], { cwd: directory });
}

const partialSuffix = '.partial-';
const abandonedAfterMilliseconds = 3_600_000;

/** @param {string} directory */
function removeAbandoned(directory) {
  for (const name of readdirSync(directory).filter((entry) => entry.includes(partialSuffix))) {
    const path = join(directory, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > abandonedAfterMilliseconds) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Writes the profile's user settings.
 * @param {Profile} profile
 * @param {Record<string, unknown>} settings
 */
export function writeSettings(profile, settings) {
  const directory = join(profile.directory, 'data/User');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'settings.json'), JSON.stringify(settings, undefined, 2));
}

/**
 * @param {Installation} installation
 * @param {Profile} profile
 * @param {string} vsix absolute path
 */
export async function installExtension(installation, profile, vsix) {
  const args = [...profileArguments(installation, profile), '--install-extension', vsix, '--force'];
  await runQuietly(installation.node, args, { env: serverEnvironment(profile) });
}

/**
 * Starts a server on a free port of 127.0.0.1, which only this machine can reach; whoever can may use it.
 * @param {Installation} installation
 * @param {Profile} profile
 * @param {readonly string[]} [options] further options of code-server
 * @returns {Promise<Server>}
 */
export async function startServer(installation, profile, options = []) {
  const args = [
    ...profileArguments(installation, profile),
    ...['--auth', 'none', '--bind-addr', '127.0.0.1:0'],
    ...[
      '--disable-telemetry',
      '--disable-update-check',
      '--disable-getting-started-override',
      '--disable-proxy',
    ],
    ...options,
  ];
  const child = spawn(installation.node, args, {
    env: serverEnvironment(profile),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: it is stopped as a whole, and not by this terminal's Ctrl-C.
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new ScriptError(`Could not start ${installation.node}.`);
  let log = '';
  const ended = new Promise((done) => child.once('exit', done));
  /** @type {Promise<string>} */
  const listening = new Promise((listen, reject) => {
    /** @param {string} text */
    const read = (text) => {
      log += text;
      const url = /HTTP server listening on (http:\/\/[\d.]+:\d+)/.exec(log)?.[1];
      if (url !== undefined) listen(url);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('exit', () => reject(new ScriptError(`code-server ended at once:\n${log}`)));
  });
  return {
    url: await listening,
    log: () => log,
    ended,
    stop: async () => {
      signalGroup(pid, 'SIGTERM');
      const late = setTimeout(() => signalGroup(pid, 'SIGKILL'), 5_000);
      await ended;
      clearTimeout(late);
    },
  };
}

/**
 * @param {Installation} installation
 * @param {Profile} profile
 */
function profileArguments({ entry }, { directory }) {
  return [
    entry,
    ...['--config', join(directory, 'config.yaml')],
    ...['--user-data-dir', join(directory, 'data')],
    ...['--extensions-dir', join(directory, 'extensions')],
  ];
}

/** @param {Profile} profile */
function serverEnvironment({ environment }) {
  const env = { ...environment };
  // Set in a terminal of VS Code: code-server would hand its arguments to that window instead of serving.
  delete env.VSCODE_IPC_HOOK_CLI;
  return env;
}

/**
 * @param {number} leader
 * @param {NodeJS.Signals} signal
 */
function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/**
 * The address that shows a folder.
 * @param {Server} server
 * @param {string} folder absolute path
 */
export function folderUrl(server, folder) {
  return `${server.url}/?folder=${encodeURIComponent(folder)}`;
}

if (process.argv[1] === import.meta.filename) {
  void runMain(async () => console.log((await provideCodeServer()).entry));
}
