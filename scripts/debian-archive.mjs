// A program's sources and a package from Debian's archive, for tests that build the one and unpack the other.
// `node scripts/debian-archive.mjs` fetches them ahead of time.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOnPath, runCaptured, runMain, runQuietly } from './command.mjs';
import { cacheDirectory } from './project.mjs';

/** Small, of autotools, and with tests that are hard on files: a database that maps and locks them. */
const source = 'gdbm';
/** Small, with hard and symbolic links. */
const binary = 'perl-base';

/**
 * @typedef {object} Archive
 * @property {string} sources a tar file
 * @property {string} package a file of dpkg's
 */

/** @returns {Archive | undefined} what was fetched, if it was */
export function findArchive() {
  const directory = archiveDirectory();
  if (!existsSync(directory)) return undefined;
  const names = readdirSync(directory);
  const find = (/** @type {RegExp} */ pattern) =>
    join(directory, names.find((name) => pattern.test(name)) ?? '');
  return { sources: find(/\.orig\.tar\.\w+$/), package: find(/\.deb$/) };
}

/** Fetches what is not in the cache; says so where that cannot be. */
export async function provideArchive() {
  if (findArchive() !== undefined || !isOnPath('apt-get')) return;
  console.log(`Fetching the sources of ${source} and the package ${binary} from Debian's archive, once…`);
  const directory = archiveDirectory();
  mkdirSync(cacheDirectory(), { recursive: true });
  const partial = await mkdtemp(`${directory}.partial-`);
  try {
    await fetchInto(partial);
    renameSync(partial, directory);
  } catch (error) {
    console.log(`${error}\nTests that need them are skipped.`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** @param {string} directory */
async function fetchInto(directory) {
  const apt = (/** @type {string[]} */ ...args) => runQuietly('apt-get', args, { cwd: directory });
  await fetchSources(directory);
  // The lists of packages may be missing or old.
  await apt('download', binary).catch(() => apt('update').then(() => apt('download', binary)));
}

/**
 * Few machines have lists of sources, and these are to stay as they are: apt gets lists of its own.
 * @param {string} directory
 */
async function fetchSources(directory) {
  const own = await mkdtemp(join(tmpdir(), 'cow-apt-'));
  try {
    const targets = ['indextargets', '--format=$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'];
    const { stdout } = await runCaptured('apt-get', targets);
    writeFileSync(join(own, 'sources.list'), stdout.replace(/^(?=.)/gm, 'deb-src '));
    for (const name of ['lists', 'cache/archives'])
      mkdirSync(join(own, name, 'partial'), { recursive: true });
    const settings = {
      'Dir::Etc::sourcelist': join(own, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(own, 'lists'),
      'Dir::Cache': join(own, 'cache'),
      // Apt's own user may not be let into these directories.
      'APT::Sandbox::User': 'root',
    };
    const options = Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`);
    await runQuietly('apt-get', [...options, 'update']);
    await runQuietly('apt-get', [...options, 'source', '--download-only', source], { cwd: directory });
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function archiveDirectory() {
  return join(cacheDirectory(), `debian-${source}-${binary}`);
}

if (process.argv[1] === import.meta.filename) {
  void runMain(async () => {
    await provideArchive();
    console.log(findArchive());
  });
}
