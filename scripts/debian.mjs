// The Debian packages that tests use. cowspace itself needs none when root mounts, and fuse3 for other users.
import { isOnPath, runCaptured, runQuietly } from './command.mjs';

/** What each is for: tests skip what a machine lacks, and say so. */
const packages = {
  fuse3: 'mounts of ordinary users',
  chromium: 'tests of the editor',
  'fonts-dejavu-core': 'screenshots',
  sqlite3: 'databases on a mount',
  rsync: 'comparing mount and base',
  attr: 'extended attributes',
  acl: 'access control lists',
  gcc: 'programs that tests compile',
  'libc6-dev': 'programs that tests compile',
};

/** Installs the packages that are missing, or says which are and how to get them. */
export async function installDebianPackages() {
  if (!isOnPath('apt-get')) {
    console.log(`This is no Debian: tests need the equivalents of ${Object.keys(packages).join(', ')}.`);
    return;
  }
  const missing = await missingPackages();
  if (missing.length === 0) return;
  const install = ['install', '--yes', '--no-install-recommends', ...missing];
  if (process.getuid?.() !== 0) {
    console.log('Some tests will be skipped or fail, because packages are missing:');
    for (const name of missing) console.log(`  ${name}: ${packages[name]}`);
    console.log(`To install them: sudo apt-get update && sudo apt-get ${install.join(' ')}`);
    return;
  }
  console.log(`Installing Debian packages: ${missing.join(', ')}…`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runQuietly('apt-get', ['update'], { env });
  await runQuietly('apt-get', install, { env });
}

async function missingPackages() {
  const names = /** @type {(keyof typeof packages)[]} */ (Object.keys(packages));
  const format = '${Package} ${db:Status-Status}\n';
  // Its exit code says only that some are unknown; the list holds the others all the same.
  const { stdout } = await runCaptured('dpkg-query', ['--show', `--showformat=${format}`, ...names]);
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}
