import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export const projectDirectory = join(__dirname, '../..');

/** Someone who runs commands in a test. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Where dist/ and the native modules lie that this user may read. */
  readonly programDirectory: string;
}

/** Who runs the tests. */
export function currentUser(): User {
  const { username, uid, gid } = userInfo();
  return { name: username, uid, gid, programDirectory: projectDirectory };
}

let ordinary: User | undefined;

/**
 * A user without privileges: `nobody` when root runs the tests, else who runs them.
 * Skips the running test or suite, with the reason printed, where the machine cannot mount for such a user.
 */
export function ordinaryUser(context: Mocha.Context): User {
  const reason = whyNoUserMounts();
  if (reason !== undefined) {
    console.log(`      skipped: ${reason}`);
    context.skip();
  }
  ordinary ??= userInfo().uid === 0 ? nobody() : currentUser();
  return ordinary;
}

function whyNoUserMounts(): string | undefined {
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse';
  if (spawnSync('fusermount3', ['--version']).error) return 'fusermount3 is missing (package fuse3)';
  if (userInfo().uid !== 0) return undefined;
  const { uid, gid } = passwdEntry('nobody');
  if (spawnSync(process.execPath, ['--version'], { uid, gid }).error)
    return `nobody may not run ${process.execPath}`;
  return undefined;
}

function nobody(): User {
  // The mode that every distribution's udev rule sets; a container's /dev often lacks it.
  chmodSync('/dev/fuse', 0o666);
  return { name: 'nobody', ...passwdEntry('nobody'), programDirectory: copyProgram() };
}

/** The checkout may lie where only root can read; the copy holds what the packages hold. */
function copyProgram(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cow-program-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755);
  const modules = ['koffi', '@koromix', 'fuse-native', 'node-gyp-build'].map(
    (name) => `node_modules/${name}`,
  );
  for (const name of ['dist', ...modules].filter((each) => existsSync(join(projectDirectory, each)))) {
    cpSync(join(projectDirectory, name), join(directory, name), { recursive: true });
  }
  return directory;
}

function passwdEntry(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`/etc/passwd has no ${name}`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
