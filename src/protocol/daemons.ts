import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonClient } from './client';
import { CowspaceError, isRefusedWith } from './errors';
import { type Home, socketPath } from './home';
import { runTask } from './launch';
import type { WorkspaceInfo } from './messages';
import { methods } from './methods';
import { endProcess, isAlive, waitForEnd } from './processes';
import { lockFile, type Registry } from './registry';
import { within } from './timeout';

/** Milliseconds for a daemon to say how it is when all workspaces are listed. */
const LIST_TIMEOUT = 2000;
/** Milliseconds for a daemon that another client has started to come up, or for one that ends to be gone. */
const LOCK_TIMEOUT = 5000;
/** Milliseconds for a daemon to unmount, for which the kernel first writes back what programs wrote. */
const UNMOUNT_TIMEOUT = 120_000;
/** Milliseconds for a daemon to do what it is forced to, or to end when the mount is gone. */
const END_TIMEOUT = 5000;

/** The daemons of one user's workspaces: finds, starts and ends them. */
export class Daemons {
  readonly #home: Home;
  readonly #registry: Registry;
  readonly #script: string;

  /** @param script the daemon's program, `daemon.js` */
  constructor(home: Home, registry: Registry, script: string) {
    this.#home = home;
    this.#registry = registry;
    this.#script = script;
  }

  /**
   * Connects to a workspace's daemon; null when there is none.
   *
   * @param client what the daemon's log calls this client
   * @throws CowspaceError when there is one that does not answer, or in another version's protocol
   */
  async connect(name: string, client = 'client', timeout?: number): Promise<DaemonClient | null> {
    const state = await this.#registry.readState(name);
    if (state?.pid == null) return null;
    try {
      // Loaded here, because many an editor window and command never talks to a daemon.
      const { DaemonClient } = await import('./client');
      return await DaemonClient.connect(state.socket, {
        name: client,
        ...(timeout !== undefined && { timeout }),
      });
    } catch (error) {
      if (isRefusedWith(error, 'not-mounted')) return null;
      throw error;
    }
  }

  /** What a daemon says of its workspace; null when there is none or it does not say so soon. */
  async askInfo(name: string): Promise<WorkspaceInfo | null> {
    const client = await this.connect(name, 'list', LIST_TIMEOUT).catch(() => null);
    if (client === null) return null;
    try {
      return await within(client.request(methods.info, {}), LIST_TIMEOUT, unanswered);
    } catch {
      return null;
    } finally {
      client.dispose();
    }
  }

  /** The process that serves a workspace; null when none does. */
  async pid(name: string): Promise<number | null> {
    const pid = (await this.#registry.readState(name))?.pid ?? null;
    return pid !== null && (await isAlive(pid)) ? pid : null;
  }

  /** Mounts a workspace that is not mounted. @throws CowspaceError what keeps it from being mounted */
  async start(name: string): Promise<DaemonClient> {
    const deadline = Date.now() + LOCK_TIMEOUT;
    for (;;) {
      const locked = await this.#launch(name);
      const client = await this.connect(name);
      if (client !== null) return client;
      if (locked === null) throw new CowspaceError('internal', 'The daemon ended right after it began.');
      if (Date.now() > deadline) throw locked;
      await sleep(100);
    }
  }

  /** Starts a daemon. Returns the refusal when there is one that is just beginning or ending. */
  async #launch(name: string): Promise<CowspaceError | null> {
    const directory = this.#registry.directory(name);
    try {
      await runTask(this.#script, 'serve', directory, socketPath(this.#home, name));
      return null;
    } catch (error) {
      if (isRefusedWith(error, 'in-use') && error.path === lockFile(directory)) return error;
      throw error;
    }
  }

  /**
   * Unmounts a workspace, and waits until its daemon is gone.
   *
   * @param force also when programs use the mount, or the daemon does not answer
   * @returns whether it was mounted
   * @throws CowspaceError `busy`
   */
  async stop(name: string, force: boolean): Promise<boolean> {
    try {
      const client = await this.connect(name);
      if (client === null) return await this.#release(name);
      await askToEnd(client, force);
    } catch (error) {
      if (!force) throw error;
      await this.#kill(name);
    }
    return true;
  }

  /** Takes away the mount of a daemon that was killed; returns whether there was one. */
  async #release(name: string): Promise<boolean> {
    return (await runTask(this.#script, 'release', this.#registry.directory(name))).released;
  }

  async #kill(name: string): Promise<void> {
    const pid = await this.pid(name);
    if (pid !== null) await endProcess(pid, END_TIMEOUT);
    await this.#release(name);
  }
}

async function askToEnd(client: DaemonClient, force: boolean): Promise<void> {
  try {
    await within(
      client.request(methods.shutdown, { force }),
      force ? END_TIMEOUT : UNMOUNT_TIMEOUT,
      unanswered,
    );
  } finally {
    client.dispose();
  }
  if (!(await waitForEnd(client.pid, END_TIMEOUT))) throw unanswered();
}

function unanswered(): CowspaceError {
  return new CowspaceError(
    'internal',
    'The daemon of the workspace does not do what it is told to. Unmount by force.',
  );
}
