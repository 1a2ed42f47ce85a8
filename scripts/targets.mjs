// The platforms that the extension is packaged for. Only node's own modules: scripts run before any package is installed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const projectDirectory = join(import.meta.dirname, '..');

/**
 * @typedef {object} Native
 * @property {string} package of npm, which holds binaries of koffi
 * @property {string} folder of it, the one that the platform needs
 */

/**
 * By VS Code's name of the platform. The last one is for all others: there the extension says what it misses.
 * @satisfies {Readonly<Record<string, Native | null>>}
 */
export const targets = {
  'linux-x64': { package: '@koromix/koffi-linux-x64', folder: 'linux_x64' },
  'linux-arm64': { package: '@koromix/koffi-linux-arm64', folder: 'linux_arm64' },
  'alpine-x64': { package: '@koromix/koffi-linux-x64', folder: 'musl_x64' },
  'alpine-arm64': { package: '@koromix/koffi-linux-arm64', folder: 'musl_arm64' },
  'darwin-x64': { package: '@koromix/koffi-darwin-x64', folder: 'darwin_x64' },
  'darwin-arm64': { package: '@koromix/koffi-darwin-arm64', folder: 'darwin_arm64' },
  universal: null,
};

/** @typedef {keyof typeof targets} Target */

export const targetNames = /** @type {Target[]} */ (Object.keys(targets));

/** @returns {Target} the platform of this machine */
export function thisTarget() {
  const system = process.platform === 'linux' && usesMusl() ? 'alpine' : process.platform;
  return targetNames.find((name) => name === `${system}-${process.arch}`) ?? 'universal';
}

function usesMusl() {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return header.glibcVersionRuntime === undefined;
}

/**
 * @param {Target} target
 * @returns {string} where the package of a platform is put
 */
export function vsixOf(target) {
  const { version } = JSON.parse(readFileSync(join(projectDirectory, 'package.json'), 'utf8'));
  const platform = target === 'universal' ? '' : `-${target}`;
  return join(projectDirectory, `dist/cowspace${platform}-${version}.vsix`);
}
