// What has to be made of a fresh clone before anything in it runs.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './command.mjs';
import { thisTarget, vsixOf } from './targets.mjs';

export const projectDirectory = join(import.meta.dirname, '..');

/** Where `packageExtension` puts the extension. */
export const vsixPath = vsixOf(thisTarget());

/** Where downloads are kept; set COWSPACE_CACHE to share them among checkouts. */
export function cacheDirectory() {
  return process.env.COWSPACE_CACHE ?? join(projectDirectory, '.cache');
}

/** Runs `npm ci`, unless node_modules/ is as package-lock.json wants it. */
export async function installPackages() {
  // npm writes this file at the end of every install.
  const installed = modifiedAt('node_modules/.package-lock.json');
  if (installed >= modifiedAt('package-lock.json')) return;
  console.log('Installing npm packages…');
  await npm('ci', '--include=dev', '--no-audit', '--no-fund');
}

/** Builds dist/. */
export async function buildProject() {
  console.log('Building…');
  await npm('run', 'build');
}

/** Builds dist/ and packages the extension for this platform. */
export async function packageExtension() {
  console.log('Building and packaging the extension…');
  await npm('run', 'package:this');
}

/** @param {string[]} args */
async function npm(...args) {
  await runQuietly('npm', args, { cwd: projectDirectory });
}

/**
 * @param {string} name in the project
 * @returns {number} milliseconds since 1970; before all times when there is no such file
 */
function modifiedAt(name) {
  return statSync(join(projectDirectory, name), { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
}
