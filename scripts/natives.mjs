// Binaries for other platforms than this one, from the npm registry.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCaptured, runQuietly, ScriptError } from './command.mjs';
import { cacheDirectory, projectDirectory } from './project.mjs';

/**
 * Returns a folder with a package that package-lock.json names, also one for another platform.
 * @param {string} name
 * @returns {Promise<string>}
 */
export async function provideNativePackage(name) {
  // npm installs those of this machine.
  const installed = join(projectDirectory, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const { version, integrity } = locked(name);
  const directory = join(cacheDirectory(), `${name.replace('/', '-')}-${version}`);
  if (!existsSync(directory)) await fetchInto(directory, `${name}@${version}`, integrity);
  return directory;
}

/**
 * @param {string} name
 * @returns {{ version: string, integrity: string }}
 */
function locked(name) {
  const { packages } = JSON.parse(readFileSync(join(projectDirectory, 'package-lock.json'), 'utf8'));
  const entry = packages[`node_modules/${name}`];
  if (entry?.integrity === undefined) throw new ScriptError(`package-lock.json does not pin ${name}.`);
  return entry;
}

/**
 * The directory appears as a whole or not at all.
 * @param {string} directory
 * @param {string} specification as npm takes it
 * @param {string} integrity as in package-lock.json
 */
async function fetchInto(directory, specification, integrity) {
  mkdirSync(cacheDirectory(), { recursive: true });
  const partial = await mkdtemp(`${directory}.partial-`);
  try {
    const args = ['pack', '--json', '--loglevel=error', '--pack-destination', partial, specification];
    const { code, stdout, stderr } = await runCaptured('npm', args, { cwd: partial });
    if (code !== 0) throw new ScriptError(`${stdout}${stderr}\n${specification} could not be fetched.`);
    const archive = join(partial, JSON.parse(stdout)[0].filename);
    checkIntegrity(archive, integrity);
    await runQuietly('tar', ['--extract', '--file', archive, '--directory', partial]);
    renameSync(join(partial, 'package'), directory);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/**
 * @param {string} file
 * @param {string} expected algorithm and digest, as Subresource Integrity writes them
 */
function checkIntegrity(file, expected) {
  const [algorithm = ''] = expected.split('-', 1);
  const actual = `${algorithm}-${createHash(algorithm).update(readFileSync(file)).digest('base64')}`;
  if (actual !== expected) throw new ScriptError(`${file} is ${actual}, not ${expected} as pinned.`);
}
