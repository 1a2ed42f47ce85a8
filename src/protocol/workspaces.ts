import { lstat, mkdir, realpath, rm, rmdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DaemonClient } from './client';
import { CowspaceError, failedWith } from './errors';
import { type Home, outsideHome, socketPath } from './home';
import { type ProbeResult, runTask } from './launch';
import type { DriverName, WorkspaceInfo } from './messages';
import { methods } from './methods';
import { mountedWorkspaces } from './mounts';
import { isWithin, realTarget } from './paths';
import { isAlive, waitForEnd } from './processes';
import { lockFile, nameFor, Registry, type WorkspaceConfig } from './registry';

export interface CreateParams {
  /** One or several folders, first match wins; may be relative to the working directory. */
  readonly bases: readonly string[];
  /** Absent: made from the first base's name. */
  readonly name?: string | undefined;
  /** Absent: a folder among cowspace's own. */
  readonly mount?: string | undefined;
  readonly scratch?: string | undefined;
  readonly driver?: DriverName | undefined;
  /** Lets other users enter the mount. */
  readonly allowOther?: boolean | undefined;
}

/** Milliseconds for a daemon to say how it is when all workspaces are listed. */
const LIST_TIMEOUT = 2000;
/** Milliseconds for another client's daemon to come up. */
const RIVAL_TIMEOUT = 5000;
/** Milliseconds for a daemon to end once it has agreed to. */
const END_TIMEOUT = 30_000;

/** The workspaces of one user, mounted or not: what all clients do with them. */
export class Workspaces {
  readonly home: Home;
  readonly registry: Registry;
  readonly #script: string;

  /** @param daemonScript the daemon's program, `daemon.js` */
  constructor(home: Home, daemonScript: string) {
    this.home = home;
    this.registry = new Registry(home);
    this.#script = daemonScript;
  }

  /** All workspaces by name. Daemons that do not answer soon are told from what they last wrote. */
  async list(): Promise<WorkspaceInfo[]> {
    const names = await this.registry.names();
    const mounts = await mountedWorkspaces();
    const infos = await Promise.all(names.map((name) => this.#describe(name, mounts).catch(() => null)));
    return infos.filter((info) => info !== null);
  }

  /**
   * Registers a workspace and mounts it; when that fails, nothing is left.
   *
   * @throws CowspaceError `exists`, `not-found`, `overlap`, `not-empty`, `in-use`, `unsupported`, `usage`
   */
  async create(params: CreateParams): Promise<WorkspaceInfo> {
    const bases = await Promise.all(params.bases.map(realFolder));
    if (bases.length === 0) throw new CowspaceError('usage', 'A workspace needs at least one base folder.');
    const config = await this.#register(params, bases);
    try {
      return await this.mount(config.name);
    } catch (error) {
      await this.#forget(config);
      throw error;
    }
  }

  /** A workspace over exactly these folders, or null. @throws CowspaceError `not-found` */
  async findByBases(folders: readonly string[]): Promise<WorkspaceConfig | null> {
    const bases = await Promise.all(folders.map(realFolder));
    for (const config of await this.#configs()) {
      if (config.bases.join('\0') === bases.join('\0')) return config;
    }
    return null;
  }

  /** Mounts a workspace, or finds it mounted. @throws CowspaceError `not-found` and what {@link create} throws */
  async mount(name: string): Promise<WorkspaceInfo> {
    await this.registry.read(name);
    const client = (await this.#tryConnect(name)) ?? (await this.#start(name));
    try {
      return await client.request(methods.info, {});
    } finally {
      client.dispose();
    }
  }

  /**
   * Connects to the daemon of a mounted workspace.
   *
   * @param client what the daemon's log calls this client
   * @throws CowspaceError `not-found`, `not-mounted`
   */
  async connect(name: string, client?: string): Promise<DaemonClient> {
    await this.registry.read(name);
    const connection = await this.#tryConnect(name, client);
    if (connection !== null) return connection;
    throw new CowspaceError(
      'not-mounted',
      `The workspace '${name}' is not mounted. Mount it first: cowspace mount ${name}`,
    );
  }

  /**
   * Unmounts, and waits until the daemon is gone. Changes stay in the scratch.
   *
   * @param options.force also when programs use the mount
   * @throws CowspaceError `not-found`, `not-mounted`, `busy`
   */
  async unmount(name: string, options: { force?: boolean } = {}): Promise<void> {
    await this.registry.read(name);
    const client = await this.#tryConnect(name);
    if (client === null) {
      const { released } = await runTask(this.#script, 'release', this.registry.directory(name));
      if (!released) throw new CowspaceError('not-mounted', `The workspace '${name}' is not mounted.`);
      return;
    }
    try {
      await client.request(methods.shutdown, { force: options.force ?? false });
    } finally {
      client.dispose();
    }
    if (await waitForEnd(client.pid, END_TIMEOUT)) return;
    throw new CowspaceError('internal', `The daemon of '${name}' (process ${client.pid}) does not end.`);
  }

  /**
   * Unmounts a workspace and deletes it with its scratch; folders that it did not make stay.
   *
   * @param options.force also when it has changes or programs use the mount
   * @param options.withChanges also when it has changes; default: as `force`
   * @throws CowspaceError `not-found`, `busy`; `not-empty` when there are changes
   */
  async remove(name: string, options: { force?: boolean; withChanges?: boolean } = {}): Promise<void> {
    const { force = false, withChanges = force } = options;
    await this.registry.read(name);
    if (!withChanges) await this.#refuseChanges(name);
    await this.unmount(name, { force }).catch((error: unknown) => {
      if (!(error instanceof CowspaceError) || error.code !== 'not-mounted') throw error;
    });
    await runTask(this.#script, 'remove', this.registry.directory(name), ...(withChanges ? ['--force'] : []));
    await this.registry.delete(name);
  }

  /** Finds out what the file system can do on which scratches lie by default. @throws CowspaceError */
  async probe(): Promise<ProbeResult> {
    await mkdir(this.home.workspaces, { recursive: true, mode: 0o700 });
    return runTask(this.#script, 'probe', this.home.workspaces);
  }

  /** Looks before the unmount, so that a refusal leaves everything as it was. */
  async #refuseChanges(name: string): Promise<void> {
    const client = await this.#tryConnect(name);
    if (client === null) return;
    try {
      const { changes } = await client.request(methods.changes, {});
      if (changes.length > 0) throw changesError(name, changes.length);
    } finally {
      client.dispose();
    }
  }

  async #configs(): Promise<WorkspaceConfig[]> {
    const names = await this.registry.names();
    const configs = await Promise.all(names.map((name) => this.registry.read(name).catch(() => null)));
    return configs.filter((config) => config !== null);
  }

  async #describe(name: string, mounts: ReadonlySet<string>): Promise<WorkspaceInfo> {
    const { bases, mount, scratch, driver } = await this.registry.read(name);
    const state = await this.registry.readState(name);
    const alive = typeof state?.pid === 'number' && (await isAlive(state.pid));
    if (alive) {
      const info = await this.#askInfo(state.socket).catch(() => null);
      if (info !== null) return info;
    }
    return {
      ...{ name, bases, mount, scratch, driver },
      pid: alive ? state.pid : null,
      mounted: alive && mounts.has(mount),
      storedBytes: state?.storedBytes ?? 0,
    };
  }

  async #askInfo(socket: string): Promise<WorkspaceInfo> {
    const client = await DaemonClient.connect(socket, { timeout: LIST_TIMEOUT });
    const timer = setTimeout(() => {
      client.dispose();
    }, LIST_TIMEOUT);
    try {
      return await client.request(methods.info, {});
    } finally {
      clearTimeout(timer);
      client.dispose();
    }
  }

  async #tryConnect(name: string, client?: string): Promise<DaemonClient | null> {
    const state = await this.registry.readState(name);
    if (state?.pid == null) return null;
    try {
      return await DaemonClient.connect(state.socket, client === undefined ? {} : { name: client });
    } catch (error) {
      if (error instanceof CowspaceError && error.code === 'not-mounted') return null;
      throw error;
    }
  }

  async #start(name: string): Promise<DaemonClient> {
    try {
      await runTask(this.#script, 'serve', this.registry.directory(name), socketPath(this.home, name));
    } catch (error) {
      if (!(error instanceof CowspaceError) || error.path !== lockFile(this.registry.directory(name)))
        throw error;
      // Another client has started a daemon at the same moment.
      const rival = await this.#awaitRival(name);
      if (rival === null) throw error;
      return rival;
    }
    return this.connect(name);
  }

  async #awaitRival(name: string): Promise<DaemonClient | null> {
    const deadline = Date.now() + RIVAL_TIMEOUT;
    for (;;) {
      const client = await this.#tryConnect(name);
      if (client !== null || Date.now() > deadline) return client;
      await sleep(50);
    }
  }

  async #register(params: CreateParams, bases: string[]): Promise<WorkspaceConfig> {
    const stem = params.name ?? nameFor(bases[0]!);
    for (let i = 1; ; i++) {
      const name = i === 1 ? stem : `${stem}-${i}`;
      const config = await this.#configure(params, bases, name);
      if (await this.registry.add(config)) return config;
      if (params.name !== undefined) {
        throw new CowspaceError(
          'exists',
          `There is a workspace '${name}' already. Choose another name, or remove that one.`,
        );
      }
    }
  }

  async #configure(params: CreateParams, bases: string[], name: string): Promise<WorkspaceConfig> {
    const own = {
      mount: join(this.home.mounts, name),
      scratch: join(this.registry.directory(name), 'scratch'),
    };
    const outside = {
      mount: join(outsideHome(), 'mounts', name),
      scratch: join(outsideHome(), 'scratch', name),
    };
    const choose = (kind: 'mount' | 'scratch'): string => {
      const given = params[kind];
      if (given !== undefined) return resolve(given);
      const place = [own[kind], outside[kind]].find((path) => !bases.some((base) => isWithin(path, base)));
      if (place !== undefined) return place;
      throw new CowspaceError(
        'overlap',
        `The base ${bases[0]!} holds every place where cowspace would put the ${kind}. ` +
          'Choose one outside it with --mount and --scratch, or a smaller base.',
      );
    };
    const mount = await realTarget(choose('mount'));
    const scratch = await realTarget(choose('scratch'));
    const sharing = (await this.#configs()).find((config) => config.scratch === scratch);
    if (sharing !== undefined && sharing.name !== name) {
      throw new CowspaceError(
        'in-use',
        `The scratch ${scratch} belongs to the workspace '${sharing.name}'.`,
        {
          path: scratch,
        },
      );
    }
    return {
      version: 1,
      name,
      bases,
      mount,
      scratch,
      driver: params.driver ?? 'kernel',
      allowOther: params.allowOther ?? false,
      made: { mount: !(await exists(mount)), scratch: !(await exists(scratch)) },
    };
  }

  /** Undoes a registration whose first mount failed: nothing was written into the scratch yet. */
  async #forget({ name, mount, scratch, made }: WorkspaceConfig): Promise<void> {
    if (made.mount) await rmdir(mount).catch(() => undefined);
    if (made.scratch) await rm(scratch, { recursive: true, force: true });
    await this.registry.delete(name);
  }
}

/** What refuses to delete uncommitted changes. */
export function changesError(name: string, count: number): CowspaceError {
  const what = count === 1 ? '1 change' : `${count} changes`;
  return new CowspaceError(
    'not-empty',
    `The workspace '${name}' has ${what} that ${count === 1 ? 'is' : 'are'} not committed. ` +
      `Commit or discard first, or remove it with them: cowspace remove --force ${name}`,
  );
}

async function realFolder(path: string): Promise<string> {
  const real = await realpath(path).catch((error: unknown) => {
    if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new CowspaceError('not-found', `The base ${resolve(path)} does not exist.`, {
      path: resolve(path),
    });
  });
  if (!(await stat(real)).isDirectory()) {
    throw new CowspaceError('usage', `The base ${real} is not a folder.`, { path: real });
  }
  return real;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
