// The licences of what is bundled, which have to go along with it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScriptError } from './command.mjs';
import { projectDirectory } from './project.mjs';

/**
 * Says which packages are in bundles, each with its licence.
 * @param {readonly import('esbuild').Metafile[]} metafiles of the bundles
 * @returns {string}
 */
export function thirdPartyNotices(metafiles) {
  const names = new Set(metafiles.flatMap(packagesIn));
  const notices = [...names].sort().map(noticeOf);
  return ['Cowspace contains the following packages.\n', ...notices].join(`\n${'-'.repeat(79)}\n\n`);
}

/**
 * @param {import('esbuild').Metafile} metafile
 * @returns {string[]} also those of which nothing was left
 */
function packagesIn({ inputs }) {
  return Object.keys(inputs).flatMap((path) => {
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    return name === undefined ? [] : [name];
  });
}

/** @param {string} name */
function noticeOf(name) {
  const directory = join(projectDirectory, 'node_modules', name);
  const file = readdirSync(directory).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file === undefined) throw new ScriptError(`${name} is bundled, but comes without a licence.`);
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return `${name} ${version}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
}
