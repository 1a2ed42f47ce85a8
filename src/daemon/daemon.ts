import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { detachStale } from '../driver/detach';
import { findHome } from '../protocol/home';
import { mountedWorkspaces } from '../protocol/mounts';
import { logFile, readConfig, readState, type WorkspaceConfig } from '../protocol/registry';
import { checkLocations } from './locations';
import { lockScratch, lockWorkspace } from './lock';
import { Log } from './log';
import { mountByDriver, type Mounted } from './mounting';
import { RpcServer } from './rpcServer';
import { Service } from './service';
import { StateFile } from './stateFile';

/** Milliseconds for the kernel to end the session once the mount is gone from the tree. */
const SESSION_TIMEOUT = 2000;

/** Serves one workspace from its mount to its unmount. */
export class Daemon {
  readonly #log: Log;
  readonly #mounted: Mounted;
  #server: RpcServer | undefined;
  #state: StateFile | undefined;

  /**
   * Mounts a workspace and listens for clients.
   *
   * @param directory the folder that describes the workspace
   * @param socket where to listen
   * @throws CowspaceError why it cannot be mounted; nothing is left of the attempt then
   */
  static async start(directory: string, socket: string): Promise<Daemon> {
    lockWorkspace(directory);
    const config = await readConfig(directory);
    const log = new Log(logFile(directory));
    try {
      const daemon = new Daemon(log, await mountWorkspace(config, log));
      await daemon.#listen(config, directory, socket);
      log.info(`Mounted ${config.bases.join(', ')} at ${config.mount} (process ${process.pid}).`);
      return daemon;
    } catch (error) {
      log.error(`Not mounted: ${String(error)}`);
      throw error;
    }
  }

  private constructor(log: Log, mounted: Mounted) {
    this.#log = log;
    this.#mounted = mounted;
  }

  /**
   * Unmounts.
   *
   * @param force also when programs use the mount: they then get ENOTCONN
   * @throws CowspaceError `busy`
   */
  async unmount(force: boolean): Promise<void> {
    const { engine, mount } = this.#mounted;
    if (force) await engine.flush();
    await mount?.unmount(force);
    if (mount !== null && !force) await Promise.race([engine.ended, sleep(SESSION_TIMEOUT)]);
    await engine.stop();
  }

  /** Unmounts for a signal, which knows no refusal. */
  async terminate(signal: NodeJS.Signals): Promise<void> {
    this.#log.info(`${signal}: unmounting.`);
    try {
      await this.unmount(false);
    } catch (error) {
      this.#log.warn(`${String(error)} Unmounting all the same.`);
      await this.unmount(true);
    }
  }

  /** Waits until the mount is gone, whoever takes it away, and clears up. Returns the process's exit code. */
  async finish(): Promise<number> {
    const { engine, mount, mountPoint } = this.#mounted;
    const { error, storedBytes } = await engine.ended;
    if (error !== undefined) this.#log.error(`The engine failed: ${error.stack ?? error.message}`);
    if (mount !== null) {
      mount.close();
      await detachStale(mountPoint);
    }
    await this.#server?.close();
    await this.#state?.write({ pid: null, ...(storedBytes !== undefined && { storedBytes }) });
    this.#log.info('Unmounted.');
    return error === undefined ? 0 : 1;
  }

  /** An error that nothing was prepared for; the mount is worth more than the request that went wrong. */
  survive(error: unknown): void {
    this.#log.error(`Unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  async #listen(config: WorkspaceConfig, directory: string, socket: string): Promise<void> {
    const { engine, mountPoint } = this.#mounted;
    const { name, bases, scratch, driver } = config;
    const state = new StateFile(directory, {
      pid: process.pid,
      socket,
      storedBytes: (await readState(directory))?.storedBytes ?? 0,
    });
    const service = new Service({
      engine,
      state,
      workspace: { name, bases, mount: mountPoint, scratch, driver, pid: process.pid },
      unmount: (force) => this.unmount(force),
    });
    try {
      this.#server = await RpcServer.listen(socket, {
        handlers: service.handlers,
        log: this.#log,
        disconnected: (client) => {
          service.forget(client);
        },
      });
      await state.write();
      this.#state = state;
    } catch (error) {
      await this.unmount(true);
      await this.#server?.close();
      throw error;
    }
  }
}

/** Checks everything that could go wrong, then mounts. */
async function mountWorkspace(config: WorkspaceConfig, log: Log): Promise<Mounted> {
  const { bases, mount: mountPoint, scratch } = await checkLocations(config, findHome().outside);
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  lockScratch(scratch);
  if ((await mountedWorkspaces()).has(mountPoint) && (await detachStale(mountPoint))) {
    log.warn(`Took away the mount at ${mountPoint}, whose daemon was killed.`);
  }
  return mountByDriver({ ...config, bases: [...bases], mount: mountPoint, scratch }, log);
}
