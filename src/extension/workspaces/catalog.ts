import { unwatchFile, watch, watchFile, type Stats } from 'node:fs';
import { EventEmitter, type Disposable, type LogOutputChannel } from 'vscode';
import { asCowspaceError, failedWith } from '../../protocol/errors';
import type { WorkspaceConfig } from '../../protocol/registry';
import type { Workspaces } from '../../protocol/workspaces';
import { Disposables } from '../disposables';

/** Milliseconds of silence after which the registry is read anew. */
const SETTLE_TIME = 100;
/** Milliseconds after which a folder is looked at again that cannot be watched. */
const POLL_INTERVAL = 2000;
/** What in a workspace's folder tells of its life: its description and its daemon's state. */
const LIFE_FILES = ['workspace.json', 'daemon.json'];

/** The registered workspaces as this window knows them; follows what other windows and the command line do. */
export class Catalog implements Disposable {
  private readonly disposables = new Disposables();
  private readonly didChange = this.disposables.add(new EventEmitter<void>());
  /** Workspaces came or went, or the daemon of one began or ended. */
  readonly onDidChange = this.didChange.event;
  /** Fulfilled when the registry was read for the first time. */
  readonly loaded: Promise<void>;
  /** All workspaces by name. */
  configs: readonly WorkspaceConfig[] = [];

  private readonly watchers = new Map<string, { close(): void }>();
  private saidThatItPolls = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly workspaces: Workspaces,
    private readonly log: LogOutputChannel,
  ) {
    this.loaded = this.refresh();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers.values()) watcher.close();
    this.disposables.dispose();
  }

  /** Reads the registry. Touches no mount and talks to no daemon. */
  async refresh(): Promise<void> {
    try {
      await this.read();
    } catch (error) {
      this.log.error(`Cannot read the workspaces: ${asCowspaceError(error).message}`);
    }
  }

  find(name: string): WorkspaceConfig | undefined {
    return this.configs.find((config) => config.name === name);
  }

  private async read(): Promise<void> {
    const { registry, home } = this.workspaces;
    // Before it is read, so that nothing comes in between.
    this.watch(home.workspaces);
    const names = await registry.names();
    const configs = await Promise.all(names.map((name) => this.readConfig(name)));
    this.configs = configs.filter((config) => config !== null);
    this.watchOnly([home.workspaces, ...names.map((name) => registry.directory(name))]);
    this.didChange.fire();
  }

  private async readConfig(name: string): Promise<WorkspaceConfig | null> {
    try {
      return await this.workspaces.registry.read(name);
    } catch (error) {
      const { code, message } = asCowspaceError(error);
      if (code !== 'not-found') this.log.warn(message);
      return null;
    }
  }

  /** The scratch lies below these folders, so each is watched by itself and not its whole tree. */
  private watchOnly(directories: readonly string[]): void {
    for (const directory of this.watchers.keys()) {
      if (!directories.includes(directory)) this.forget(directory);
    }
    for (const directory of directories) this.watch(directory);
  }

  private watch(directory: string): void {
    if (this.watchers.has(directory)) return;
    const isRegistry = directory === this.workspaces.home.workspaces;
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => {
        if (isRegistry || name === null || LIFE_FILES.includes(name)) this.scheduleRefresh();
      });
      watcher.on('error', (error) => {
        watcher.close();
        this.poll(directory, error);
      });
      this.watchers.set(directory, watcher);
    } catch (error) {
      this.poll(directory, error);
    }
  }

  /** Looks at a folder from time to time: no watch is left, or it is not there until the first workspace is made. */
  private poll(directory: string, error: unknown): void {
    if (!failedWith(error, 'ENOENT') && !this.saidThatItPolls) {
      this.saidThatItPolls = true;
      const { message } = asCowspaceError(error);
      this.log.warn(`Looks for changed workspaces every ${POLL_INTERVAL / 1000} s: ${message}`);
    }
    const look = (current: Stats, previous: Stats): void => {
      // Called at once for a folder that is not there.
      if (current.ctimeMs === previous.ctimeMs) return;
      // It may be watched by now.
      this.forget(directory);
      this.scheduleRefresh();
    };
    watchFile(directory, { persistent: false, interval: POLL_INTERVAL }, look);
    this.watchers.set(directory, { close: () => unwatchFile(directory, look) });
  }

  private forget(directory: string): void {
    this.watchers.get(directory)?.close();
    this.watchers.delete(directory);
  }

  private scheduleRefresh(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), SETTLE_TIME);
  }
}
