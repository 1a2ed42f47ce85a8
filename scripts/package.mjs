// npm run package -- [TARGET…]
// Packages what `npm run build` made: a .vsix for each platform, or for the named ones (`this`: the one of this machine).
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runMain, runQuietly, ScriptError } from './command.mjs';
import { provideNativePackage } from './natives.mjs';
import { projectDirectory } from './project.mjs';
import { targetNames, targets, thisTarget, vsixOf } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

/** What of the project may go into a package; .vscodeignore says which of it does. */
const shared = ['.vscodeignore', 'package.nls.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'dist', 'media'];

async function main() {
  for (const target of selectedTargets(process.argv.slice(2))) {
    const vsix = vsixOf(target);
    await packageFor(target, vsix);
    console.log(`${megabytes(statSync(vsix).size)}  ${basename(vsix)}`);
  }
}

/**
 * @param {string[]} names
 * @returns {readonly Target[]}
 */
function selectedTargets(names) {
  if (names.length === 0) return targetNames;
  return names.map((name) => {
    const target = name === 'this' ? thisTarget() : targetNames.find((known) => known === name);
    if (target === undefined)
      throw new ScriptError(`No such target: ${name}. Targets: ${targetNames.join(', ')}`);
    return target;
  });
}

/**
 * Packages a folder that looks as the project would when it was installed on that platform.
 * @param {Target} target
 * @param {string} vsix
 */
async function packageFor(target, vsix) {
  const stage = await mkdtemp(join(tmpdir(), 'cow-package-'));
  try {
    for (const name of shared) copy(join(projectDirectory, name), join(stage, name));
    writeFileSync(join(stage, 'package.json'), JSON.stringify(shippedManifest(), undefined, 2));
    // Not at the top, where vsce has npm look for what the packages' own package.json would want besides.
    await addNatives(target, join(stage, 'dist/node_modules'));
    const vsce = join(projectDirectory, 'node_modules/@vscode/vsce/vsce');
    const platform = target === 'universal' ? [] : ['--target', target];
    const args = [vsce, 'package', ...platform, '--no-dependencies', '--out', vsix];
    await runQuietly(process.execPath, args, { cwd: stage });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** The manifest without what is for development or for npm. */
function shippedManifest() {
  const manifest = JSON.parse(readFileSync(join(projectDirectory, 'package.json'), 'utf8'));
  for (const key of ['devDependencies', 'files', 'man', 'private', 'scripts']) delete manifest[key];
  return manifest;
}

/**
 * @param {Target} target
 * @param {string} directory the node_modules to put them in
 */
async function addNatives(target, directory) {
  for (const { package: name, files } of targets[target]) {
    const source = await provideNativePackage(name);
    for (const file of files) copy(join(source, file), join(directory, name, file));
  }
}

/**
 * Copies a file or directory, without what is never shipped and large.
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  cpSync(from, to, { recursive: true, filter: (path) => !/\.(map|vsix)$/.test(path) });
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

await runMain(main);
