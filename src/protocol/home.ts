import { createHash } from 'node:crypto';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** The folders in which cowspace keeps what belongs to one user. */
export interface Home {
  /** One folder for each workspace, by its name. */
  readonly workspaces: string;
  /** Default mount points, by the workspace's name. */
  readonly mounts: string;
  /** Sockets of daemons; only its owner may enter it. */
  readonly run: string;
  /**
   * For who works on a copy of the home directory itself: outside of it, and survives a reboot. Only its owner may
   * enter it.
   */
  readonly outside: string;
}

/** Longest path of a unix socket: `sun_path` less its closing NUL, bytes. */
const MAX_SOCKET_PATH = 107;
const SOCKET_NAME_LENGTH = '/0123456789abcdef.sock'.length;

/**
 * Finds the folders as the XDG base directory specification has them; `COWSPACE_HOME` puts all of them into one.
 * Makes none.
 */
export function findHome(env: NodeJS.ProcessEnv = process.env): Home {
  const { uid } = userInfo();
  const own = env['COWSPACE_HOME'];
  const data = own
    ? resolve(own)
    : join(xdg(env['XDG_DATA_HOME']) ?? join(homedir(), '.local/share'), 'cowspace');
  const runtime = xdg(env['XDG_RUNTIME_DIR']);
  const run = own ? join(data, 'run') : runtime && join(runtime, 'cowspace');
  return {
    workspaces: join(data, 'workspaces'),
    mounts: join(data, 'mounts'),
    run: run && fits(run) ? run : `/tmp/cowspace-${uid}`,
    outside: `/var/tmp/cowspace-${uid}`,
  };
}

/** Where a workspace's daemon listens. The name is a hash because users may share `run` among several homes. */
export function socketPath(home: Home, name: string): string {
  const hash = createHash('sha256').update(`${home.workspaces}\0${name}`).digest('hex');
  return join(home.run, `${hash.slice(0, 16)}.sock`);
}

function xdg(value: string | undefined): string | undefined {
  return value && isAbsolute(value) ? value : undefined;
}

function fits(directory: string): boolean {
  return Buffer.byteLength(directory) + SOCKET_NAME_LENGTH <= MAX_SOCKET_PATH;
}
