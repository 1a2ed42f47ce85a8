// The Debian packages that tests use. cowspace itself needs none when root mounts, and fuse3 for other users.
import { isOnPath, runCaptured } from './command.mjs';

/** What each is for: tests skip what a machine lacks, and say so. */
const packages = {
  fuse3: 'mounts of ordinary users',
  libfuse2: 'the driver fuse-native',
  chromium: 'tests of the editor',
  'fonts-dejavu-core': 'screenshots',
  sqlite3: 'databases on a mount',
  fio: 'reads and writes in every way that Linux has',
  'qemu-utils': 'disk images on a mount',
  xfsprogs: 'file systems that share blocks',
  'btrfs-progs': 'file systems that share blocks',
  unzip: 'looking into packages',
  zsh: 'completions',
  fish: 'completions',
  mandoc: 'the manual page',
  git: 'repositories on a mount',
  'fuse-overlayfs': 'measurements beside it',
  'unionfs-fuse': 'measurements beside it',
  rsync: 'comparing mount and base',
  attr: 'extended attributes',
  acl: 'access control lists',
  gcc: 'programs that tests compile',
  'libc6-dev': 'programs that tests compile',
  make: 'programs that tests compile',
  'lmdb-utils': 'databases in shared memory',
  'python3-lmdb': 'databases in shared memory',
  'python3-venv': 'environments of Python',
  patch: 'tools on a mount',
  'xz-utils': 'tools on a mount',
};

/** Installs the packages that are missing; says which still are after that, and how to get them. */
export async function installDebianPackages() {
  if (!isOnPath('apt-get')) {
    console.log(`This is no Debian: tests need the equivalents of ${Object.keys(packages).join(', ')}.`);
    return;
  }
  let missing = await missingPackages();
  if (missing.length > 0 && process.getuid?.() === 0) {
    console.log(`Installing Debian packages: ${missing.join(', ')}…`);
    const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    // May fail for one source of many; whether what is needed can be had, the installation shows.
    await runCaptured('apt-get', ['update'], options);
    const { code, stdout, stderr } = await runCaptured('apt-get', installArguments(missing), options);
    if (code !== 0) console.log(`${stdout}${stderr}`);
    missing = await missingPackages();
  }
  if (missing.length === 0) return;
  console.log('Some tests will be skipped or fail, because packages are missing:');
  for (const name of missing) console.log(`  ${name}: ${packages[name]}`);
  console.log(`To install them: sudo apt-get update && sudo apt-get ${installArguments(missing).join(' ')}`);
}

/** @param {readonly string[]} names */
function installArguments(names) {
  return ['install', '--yes', '--no-install-recommends', ...names];
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
