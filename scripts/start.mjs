// npm start -- [FOLDER] [--name NAME] [--no-editor]
// Opens a pristine copy of a folder (default: this project) in an editor that has the extension.
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  folderUrl,
  installExtension,
  provideCodeServer,
  startServer,
  writeSettings,
} from './code-server.mjs';
import { isOnPath, runCaptured, runMain, runQuietly, ScriptError } from './command.mjs';
import { buildProject, installPackages, packageExtension, projectDirectory, vsixPath } from './project.mjs';

/** @typedef {import('../src/protocol/messages').WorkspaceInfo} WorkspaceInfo */

const usage = 'npm start -- [FOLDER] [--name NAME] [--no-editor]';
const cli = join(projectDirectory, 'dist/cli.js');

async function main() {
  const { folder, name, editor } = readArguments();
  await installPackages();
  await (editor ? packageExtension() : buildProject());
  const workspace = await provideWorkspace(folder, name);
  console.log(`A pristine copy of ${folder} is mounted at\n\n  ${workspace.mount}\n`);
  if (!editor) {
    console.log(`Its changes:   node dist/cli.js status ${workspace.name}`);
    console.log(`To unmount it: node dist/cli.js unmount ${workspace.name}`);
    return;
  }
  const interrupted = untilInterrupted();
  try {
    await (isOnPath('code') ? useCode(workspace, interrupted) : useCodeServer(workspace, interrupted));
  } finally {
    await cowspace('unmount', workspace.name);
    console.log(`\nUnmounted. What you changed is kept in ${workspace.scratch}`);
    console.log(
      `To go on with it: ${usage.replace('[FOLDER] [--name NAME] [--no-editor]', workspace.bases[0] ?? '')}`,
    );
    console.log(`To throw it away: node dist/cli.js remove ${workspace.name}`);
  }
}

/** Later signals do nothing: they must not stop the unmount, and npm sends Ctrl-C a second time. */
async function untilInterrupted() {
  // Waiting for a signal alone does not keep a process alive.
  const alive = setInterval(() => undefined, 3_600_000);
  await new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, done);
  });
  clearInterval(alive);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { name: { type: 'string' }, 'no-editor': { type: 'boolean', default: false } },
    });
    if (positionals.length > 1) throw new ScriptError('There is more than one folder.');
    // npm changes to the project's directory and says here where it was called.
    const folder = resolve(process.env.INIT_CWD ?? '.', positionals[0] ?? projectDirectory);
    if (!existsSync(folder)) throw new ScriptError(`There is no folder ${folder}.`);
    return { folder: realpathSync(folder), name: values.name, editor: !values['no-editor'] };
  } catch (error) {
    throw new ScriptError(`${/** @type {Error} */ (error).message}\nUsage: ${usage}`);
  }
}

/**
 * Creates a workspace, or mounts the one that an earlier start made of the folder.
 * @param {string} folder
 * @param {string | undefined} name
 * @returns {Promise<WorkspaceInfo>}
 */
async function provideWorkspace(folder, name) {
  /** @type {WorkspaceInfo[]} */
  const workspaces = await cowspace('list');
  const known = workspaces.find(
    (workspace) =>
      workspace.bases.length === 1 &&
      workspace.bases[0] === folder &&
      (name === undefined || workspace.name === name),
  );
  if (known === undefined) return cowspace('create', folder, ...(name === undefined ? [] : ['--name', name]));
  console.log(`Going on with the workspace ${known.name}, with what was changed in it.`);
  return known.mounted ? known : cowspace('mount', known.name);
}

/**
 * Runs the command line and returns what it printed.
 * @param {string[]} args
 */
async function cowspace(...args) {
  const { code, stdout, stderr } = await runCaptured(process.execPath, [cli, ...args, '--json']);
  if (code !== 0) throw new ScriptError(errorMessage(stderr));
  return JSON.parse(stdout);
}

/** @param {string} stderr */
function errorMessage(stderr) {
  try {
    return JSON.parse(stderr).error.message;
  } catch {
    return stderr;
  }
}

/**
 * @param {WorkspaceInfo} workspace
 * @param {Promise<unknown>} interrupted
 */
async function useCode(workspace, interrupted) {
  await runQuietly('code', ['--install-extension', vsixPath, '--force']);
  await runQuietly('code', ['--new-window', workspace.mount]);
  console.log('It is open in VS Code. Ctrl-C unmounts it and keeps what you changed.');
  await interrupted;
}

/**
 * @param {WorkspaceInfo} workspace
 * @param {Promise<unknown>} interrupted
 */
async function useCodeServer(workspace, interrupted) {
  const installation = await provideCodeServer();
  const profile = { directory: await mkdtemp(join(tmpdir(), 'cow-editor-')), environment: process.env };
  try {
    writeSettings(profile, { 'workbench.startupEditor': 'none', 'chat.disableAIFeatures': true });
    await installExtension(installation, profile, vsixPath);
    const server = await startServer(installation, profile);
    console.log(`Open it in a browser on this machine:\n\n  ${folderUrl(server, workspace.mount)}\n`);
    console.log('Ctrl-C closes the editor, unmounts the copy and keeps what you changed.');
    await Promise.race([interrupted, server.ended]);
    await server.stop();
  } finally {
    await rm(profile.directory, { recursive: true, force: true });
  }
}

await runMain(main);
