import { mkdir, realpath, rmdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DaemonClient } from './client';
import { Daemons } from './daemons';
import { DEFAULT_DELTA_THRESHOLD } from './deltaThreshold';
import { CowspaceError, failedWith } from './errors';
import type { Home } from './home';
import { type ProbeResult, runTask } from './launch';
import type { Damage, DriverName, WorkspaceInfo } from './messages';
import { methods } from './methods';
import { mountedWorkspaces } from './mounts';
import { placeWorkspace, refuseJournals } from './placement';
import { nameFor, Registry, type WorkspaceConfig } from './registry';

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
  /** Size in bytes from which on files are kept by block; null: none are. */
  readonly deltaThreshold?: number | null | undefined;
}

/** The workspaces of one user, mounted or not: what all clients do with them. */
export class Workspaces {
  readonly home: Home;
  readonly registry: Registry;
  readonly #daemons: Daemons;
  readonly #script: string;

  /** @param daemonScript the daemon's program, `daemon.js` */
  constructor(home: Home, daemonScript: string) {
    this.home = home;
    this.registry = new Registry(home);
    this.#daemons = new Daemons(home, this.registry, daemonScript);
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
   * @throws CowspaceError `exists`, `not-found`, `overlap`, `not-empty`, `in-use`, `wrong-scratch`, `unsupported`, `usage`
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

  /**
   * Mounts a workspace, or finds it mounted.
   *
   * @throws CowspaceError `not-found` and what {@link create} throws; `busy` while it is being unmounted
   */
  async mount(name: string): Promise<WorkspaceInfo> {
    await this.registry.read(name);
    const client = (await this.#daemons.connect(name)) ?? (await this.#daemons.start(name));
    try {
      const info = await client.request(methods.info, {});
      if (info.mounted) return info;
      throw new CowspaceError(
        'busy',
        `'${name}' was unmounted while programs used it, and they still do. End them, or: cowspace unmount --force ${name}`,
      );
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
    const connection = await this.#daemons.connect(name, client);
    if (connection !== null) return connection;
    throw new CowspaceError(
      'not-mounted',
      `The workspace '${name}' is not mounted. Mount it first: cowspace mount ${name}`,
    );
  }

  /**
   * Unmounts, and waits until the daemon is gone. Changes stay in the scratch.
   *
   * @param options.force also when programs use the mount, or the daemon does not answer
   * @throws CowspaceError `not-found`, `not-mounted`, `busy`
   */
  async unmount(name: string, options: { force?: boolean } = {}): Promise<void> {
    await this.registry.read(name);
    if (await this.#daemons.stop(name, options.force ?? false)) return;
    throw new CowspaceError('not-mounted', `The workspace '${name}' is not mounted.`);
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
    await this.#daemons.stop(name, force);
    await runTask(this.#script, 'remove', this.registry.directory(name), ...(withChanges ? ['--force'] : []));
    await this.registry.delete(name);
  }

  /** Looks for files whose contents cannot be had, mounted or not. @throws CowspaceError `not-found`, `in-use` */
  async verify(name: string): Promise<Damage[]> {
    await this.registry.read(name);
    const client = await this.#daemons.connect(name);
    if (client === null) return runTask(this.#script, 'verify', this.registry.directory(name));
    try {
      return await client.request(methods.verify, {});
    } finally {
      client.dispose();
    }
  }

  /** Finds out what the file system can do on which scratches lie by default. @throws CowspaceError */
  async probe(): Promise<ProbeResult> {
    await mkdir(this.home.workspaces, { recursive: true, mode: 0o700 });
    return runTask(this.#script, 'probe', this.home.workspaces);
  }

  /** Looks before the unmount, so that a refusal leaves everything as it was. */
  async #refuseChanges(name: string): Promise<void> {
    const client = await this.#daemons.connect(name);
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
    const info = await this.#daemons.askInfo(name);
    if (info !== null) return info;
    const pid = await this.#daemons.pid(name);
    const storedBytes = (await this.registry.readState(name))?.storedBytes ?? 0;
    return {
      name,
      bases,
      mount,
      scratch,
      driver,
      pid,
      mounted: pid !== null && (driver === 'editor' || mounts.has(mount)),
      storedBytes,
    };
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
    const placement = await placeWorkspace(this.home, name, bases, params);
    const sharing = (await this.#configs()).find(({ scratch }) => scratch === placement.scratch);
    if (sharing !== undefined && sharing.name !== name) {
      throw new CowspaceError(
        'in-use',
        `The scratch ${placement.scratch} belongs to the workspace '${sharing.name}'. Choose another with --scratch.`,
        { path: placement.scratch },
      );
    }
    if (sharing === undefined) await refuseJournals(placement.scratch, bases);
    const { driver = defaultDriver(), allowOther = false, deltaThreshold = DEFAULT_DELTA_THRESHOLD } = params;
    return { version: 1, name, bases, driver, allowOther, deltaThreshold, ...placement };
  }

  /** Undoes a registration whose first mount failed. */
  async #forget({ name, mount, made, adopted }: WorkspaceConfig): Promise<void> {
    if (!adopted) {
      // The folders may belong to a workspace that was created at the same moment; then this fails, and they stay.
      await runTask(this.#script, 'remove', this.registry.directory(name), '--force').catch(() => undefined);
    } else if (made.mount) {
      // The scratch has changes that are not this workspace's to delete.
      await rmdir(mount).catch(() => undefined);
    }
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

/** What mounts where nobody says otherwise: `kernel` speaks to the FUSE of Linux. */
function defaultDriver(): DriverName {
  return process.platform === 'linux' ? 'kernel' : 'fuse-native';
}
