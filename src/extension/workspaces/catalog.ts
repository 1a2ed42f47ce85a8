import { watch, type FSWatcher } from 'node:fs';
import { EventEmitter, type Disposable, type LogOutputChannel } from 'vscode';
import { asCowspaceError } from '../../protocol/errors';
import type { WorkspaceConfig } from '../../protocol/registry';
import type { Workspaces } from '../../protocol/workspaces';
import { Disposables } from '../disposables';

/** Milliseconds of silence after which the registry is read anew. */
const SETTLE_TIME = 100;
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

  private readonly watchers = new Map<string, FSWatcher>();
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
    for (const [directory, watcher] of this.watchers) {
      if (directories.includes(directory)) continue;
      watcher.close();
      this.watchers.delete(directory);
    }
    for (const directory of directories) {
      if (!this.watchers.has(directory)) this.watch(directory);
    }
  }

  private watch(directory: string): void {
    const isRegistry = directory === this.workspaces.home.workspaces;
    let watcher: FSWatcher;
    try {
      watcher = watch(directory, { persistent: false }, (_, name) => {
        if (isRegistry || name === null || LIFE_FILES.includes(name)) this.scheduleRefresh();
      });
    } catch {
      // Not there (yet): the registry is made with the first workspace, after which it is read anew.
      return;
    }
    watcher.on('error', () => this.forget(directory));
    this.watchers.set(directory, watcher);
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
