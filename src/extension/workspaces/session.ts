import { EventEmitter, type Disposable, type LogOutputChannel, type Memento } from 'vscode';
import type { z } from 'zod';
import type { DaemonClient, RequestOptions } from '../../protocol/client';
import { asCowspaceError, CowspaceError } from '../../protocol/errors';
import type { ChangeDelta, Side, StatResult } from '../../protocol/messages';
import { methods, type Method } from '../../protocol/methods';
import { waitForEnd } from '../../protocol/processes';
import type { WorkspaceConfig } from '../../protocol/registry';
import type { Workspaces } from '../../protocol/workspaces';
import { ChangeTree, type TreeUpdate } from '../changes/changeTree';
import type { WindowState } from '../contributions';
import { Disposables } from '../disposables';
import { DiscardHistory } from '../review/discardHistory';

export type SessionState = Exclude<WindowState, 'none'>;

/** What logs of daemons call the extension. */
export const CLIENT_NAME = 'vscode';
/** Milliseconds that a daemon which hung up has to end. */
const END_TIMEOUT = 5000;
/** A daemon that dies this often within the period is not started again by itself. */
const MAX_CRASHES = 3;
const CRASH_PERIOD = 60_000;

/** A workspace that the window shows: the connection to its daemon and the changes as last told by it. */
export class Session implements Disposable {
  private readonly disposables = new Disposables();
  private readonly didChangeState = this.disposables.add(new EventEmitter<void>());
  private readonly didUpdate = this.disposables.add(new EventEmitter<TreeUpdate | null>());
  readonly onDidChangeState = this.didChangeState.event;
  /** The changes are others now; null when the list was read as a whole. */
  readonly onDidUpdate = this.didUpdate.event;
  private readonly didMount = this.disposables.add(new EventEmitter<void>());
  /** The mount point held nothing, and now it shows the workspace. */
  readonly onDidMount = this.didMount.event;

  readonly tree = new ChangeTree();
  readonly discards: DiscardHistory;
  state: SessionState = 'starting';
  /** Why `state` is `failed`. */
  error: CowspaceError | undefined;
  /** Whether the workspace is the work tree of a Git repository. */
  isRepository = false;

  private client: DaemonClient | undefined;
  private attempts: Promise<void> = Promise.resolve();
  private readonly crashes: number[] = [];
  private disposed = false;

  constructor(
    readonly config: WorkspaceConfig,
    private readonly workspaces: Workspaces,
    private readonly log: LogOutputChannel,
    memento: Memento,
  ) {
    this.discards = new DiscardHistory(memento, config.name);
  }

  dispose(): void {
    this.disposed = true;
    this.client?.dispose();
    this.disposables.dispose();
  }

  /** Connects when the workspace is mounted. Never throws: how it went is in `state`. */
  connect(): Promise<void> {
    return this.establish(() => this.open());
  }

  /** Mounts the workspace unless it is mounted, and connects. Never throws: how it went is in `state`. */
  mount(): Promise<void> {
    return this.establish(async () => {
      this.log.info(`Mounting ${this.config.name} at ${this.config.mount}`);
      this.setState('starting');
      await this.workspaces.mount(this.config.name);
      await this.open();
      this.didMount.fire();
    });
  }

  /** @throws CowspaceError what the daemon answers; `not-mounted` when there is none */
  async request<P extends z.ZodType, R extends z.ZodType>(
    method: Method<P, R>,
    params: z.input<P>,
    options?: RequestOptions,
  ): Promise<z.output<R>> {
    await this.attempts;
    if (!this.client) {
      throw new CowspaceError('not-mounted', `The workspace '${this.config.name}' is not mounted.`);
    }
    return this.client.request(method, params, options);
  }

  stat(path: string, side: Side): Promise<StatResult | null> {
    return this.request(methods.stat, { path, side });
  }

  /** Has the daemon look at base and scratch anew. */
  async refresh(): Promise<void> {
    const list = await this.request(methods.refresh, {});
    this.tree.reset(list);
    this.didUpdate.fire(null);
  }

  /** One attempt at a time; the next sees what came of the one before. */
  private establish(attempt: () => Promise<void>): Promise<void> {
    this.attempts = this.attempts.then(async () => {
      if (this.client || this.disposed) return;
      try {
        await attempt();
      } catch (error) {
        const reason = asCowspaceError(error);
        if (reason.code === 'not-mounted' || reason.code === 'not-found') this.setState('unmounted');
        else this.fail(reason);
      }
    });
    return this.attempts;
  }

  private async open(): Promise<void> {
    const client = await this.workspaces.connect(this.config.name, CLIENT_NAME);
    try {
      await this.subscribe(client);
    } catch (error) {
      client.dispose();
      throw error;
    }
  }

  private async subscribe(client: DaemonClient): Promise<void> {
    const git = await client.request(methods.stat, { path: '.git', side: 'scratch' });
    const list = await client.request(methods.subscribe, {});
    if (this.disposed) {
      client.dispose();
      return;
    }
    // No delta can come between: the connection handles one message in each turn of the event loop.
    client.onDidChange((delta) => void this.apply(client, delta));
    client.onClose(() => void this.recover(client));
    this.client = client;
    this.isRepository = git !== null;
    this.tree.reset(list);
    this.setState('ready');
    this.didUpdate.fire(null);
  }

  private async apply(client: DaemonClient, delta: ChangeDelta): Promise<void> {
    const update = this.tree.apply(delta);
    if (update) {
      this.didUpdate.fire(update);
      return;
    }
    try {
      this.tree.reset(await client.request(methods.changes, {}));
      this.didUpdate.fire(null);
    } catch (error) {
      this.log.error(`${this.config.name}: cannot read the changes: ${asCowspaceError(error).message}`);
    }
  }

  /** The daemon hung up: it was told to end, or it crashed, and then the workspace is mounted again. */
  private async recover(client: DaemonClient): Promise<void> {
    this.client = undefined;
    this.tree.clear();
    this.setState('starting');
    this.didUpdate.fire(null);
    const ended = await waitForEnd(client.pid, END_TIMEOUT);
    const last = await this.workspaces.registry.readState(this.config.name);
    if (this.disposed) return;
    if (!ended) {
      await this.connect();
    } else if (last?.pid == null) {
      this.log.info(`${this.config.name} was unmounted`);
      this.setState('unmounted');
    } else if (this.countCrash() > MAX_CRASHES) {
      this.fail(new CowspaceError('internal', 'Its daemon crashed several times; the log tells more.'));
    } else {
      this.log.warn(`The daemon of ${this.config.name} (process ${client.pid}) crashed`);
      await this.mount();
    }
  }

  private countCrash(): number {
    const now = Date.now();
    this.crashes.push(now);
    while (this.crashes[0]! < now - CRASH_PERIOD) this.crashes.shift();
    return this.crashes.length;
  }

  private fail(error: CowspaceError): void {
    this.log.error(`${this.config.name}: ${error.message}`);
    this.error = error;
    this.setState('failed');
  }

  private setState(state: SessionState): void {
    if (this.disposed || this.state === state) return;
    this.state = state;
    this.didChangeState.fire();
  }
}
