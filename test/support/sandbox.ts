import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cowspace } from './cowspace';
import { type MountDriver, requireDriver } from './drivers';
import { forceUnmount, mountsBelow } from './mounts';
import { endProcesses, processesWithEnvironment } from './processes';
import { currentUser, type User } from './users';

/**
 * A temporary directory, with a data directory of cowspace's in it. Disposing of it ends every daemon that was
 * started for that data directory, also one that a failed test left behind, and removes everything.
 */
export class Sandbox {
  readonly root: string;
  readonly cowspace: Cowspace;
  private readonly cleanups: (() => Promise<void>)[] = [];

  /** @param user owns the directory and runs the commands. @param driver mounts what they create */
  constructor(user: User = currentUser(), driver: MountDriver = 'kernel') {
    // Short, because sockets lie below it and a socket's path has at most 107 bytes.
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'cow-')));
    chownSync(this.root, user.uid, user.gid);
    this.cowspace = new Cowspace(join(this.root, 'home'), user, driver);
  }

  /** The absolute path of a name in the sandbox. */
  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** Makes a directory of the user's in the sandbox and returns its absolute path. */
  directory(...names: string[]): string {
    const path = this.path(...names);
    const { uid, gid } = this.cowspace.user;
    const first = mkdirSync(path, { recursive: true });
    for (let made = path; first !== undefined && made.startsWith(first); made = join(made, '..')) {
      chownSync(made, uid, gid);
    }
    return path;
  }

  /** Has something done before the sandbox goes, the last one first. */
  onDispose(cleanup: () => Promise<void>): void {
    this.cleanups.unshift(cleanup);
  }

  async dispose(): Promise<void> {
    for (const cleanup of this.cleanups) await cleanup();
    await endProcesses(processesWithEnvironment('COWSPACE_HOME', this.cowspace.home));
    for (const mount of mountsBelow(this.root)) await forceUnmount(mount);
    const left = mountsBelow(this.root);
    if (left.length > 0) throw new Error(`still mounted, so not removed: ${left.join(', ')}`);
    rmSync(this.root, { recursive: true, force: true });
  }
}

/**
 * Gives each test of the enclosing suite a sandbox of its own, or all of them one. Only a test or a hook may call
 * the returned function.
 * @param user as in {@link Sandbox}; may skip: `useSandbox('test', ordinaryUser)`.
 * @param driver as in {@link Sandbox}; skips where the machine lacks what it needs
 */
export function useSandbox(
  scope: 'test' | 'suite' = 'test',
  user: (context: Mocha.Context) => User = currentUser,
  driver: MountDriver = 'kernel',
): () => Sandbox {
  let sandbox: Sandbox | undefined;
  const [start, end] = scope === 'test' ? [beforeEach, afterEach] : [before, after];
  start('make a sandbox', function () {
    requireDriver(this, driver);
    sandbox = new Sandbox(user(this), driver);
  });
  end('remove the sandbox', async () => {
    await sandbox?.dispose();
    sandbox = undefined;
  });
  return () => {
    if (sandbox === undefined) throw new Error('there is a sandbox only in a test or hook');
    return sandbox;
  };
}
