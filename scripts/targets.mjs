// The platforms that the extension is packaged for. Only node's own modules: scripts run before any package is installed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const projectDirectory = join(import.meta.dirname, '..');

/**
 * What a package has of an npm package that cannot be bundled.
 * @typedef {object} Native
 * @property {string} package
 * @property {readonly string[]} files
 */

/** Calls into the C library; the binaries are in packages of their own. */
const koffi = {
  package: 'koffi',
  files: ['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'],
};

/**
 * @param {string} platform as koffi calls it
 * @param {string} folder the binary for that platform's C library
 * @returns {Native[]}
 */
function koffiFor(platform, folder) {
  const binary = {
    package: `@koromix/koffi-${platform}`,
    files: ['package.json', 'index.js', `${folder}/koffi.node`],
  };
  return [koffi, binary];
}

/**
 * The addon of the driver fuse-native, without its JavaScript, which is not used.
 * @param {string} platform as Node.js calls it
 * @param {string[]} libraries that it looks for beside itself
 * @returns {Native[]}
 */
function fuseNativeFor(platform, ...libraries) {
  const binaries = ['node.napi.node', ...libraries].map((name) => `prebuilds/${platform}/${name}`);
  return [
    { package: 'fuse-native', files: ['package.json', ...binaries] },
    { package: 'node-gyp-build', files: ['package.json', 'LICENSE', 'index.js', 'node-gyp-build.js'] },
  ];
}

/**
 * By VS Code's name of the platform. The last one is for all others: there the extension says what it misses.
 * @satisfies {Readonly<Record<string, readonly Native[]>>}
 */
export const targets = {
  'linux-x64': [...koffiFor('linux-x64', 'linux_x64'), ...fuseNativeFor('linux-x64')],
  'linux-arm64': koffiFor('linux-arm64', 'linux_arm64'),
  'alpine-x64': koffiFor('linux-x64', 'musl_x64'),
  'alpine-arm64': koffiFor('linux-arm64', 'musl_arm64'),
  'darwin-x64': [...koffiFor('darwin-x64', 'darwin_x64'), ...fuseNativeFor('darwin-x64', 'libosxfuse.dylib')],
  'darwin-arm64': koffiFor('darwin-arm64', 'darwin_arm64'),
  universal: [koffi],
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
