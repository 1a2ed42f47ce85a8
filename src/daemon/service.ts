import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeDelta, ChangeList, WorkspaceInfo } from '../protocol/messages';
import { mountedWorkspaces } from '../protocol/mounts';
import type { ClientConnection, Handlers } from './clientConnection';
import { diffChanges } from './diff';
import type { EngineHost } from './engineHost';
import type { StateFile } from './stateFile';

/** Milliseconds that a client, which may be listing many workspaces, waits for an exact figure. */
const EXACT_TIMEOUT = 300;

export interface ServiceOptions {
  readonly engine: EngineHost;
  readonly state: StateFile;
  /** What does not change while the workspace is mounted. */
  readonly workspace: Omit<WorkspaceInfo, 'storedBytes' | 'mounted'>;
  /** Unmounts, after which the process ends. @throws CowspaceError `busy` */
  readonly unmount: (force: boolean) => Promise<void>;
}

/** What the daemon does for its clients. */
export class Service {
  readonly handlers: Handlers;
  readonly #options: ServiceOptions;
  readonly #subscribers = new Set<ClientConnection>();

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { engine, unmount } = options;
    engine.onDidChange = (delta) => {
      this.#tell(delta);
    };
    this.handlers = {
      info: () => this.#info(),
      changes: () => engine.call('changes', []),
      subscribe: (_, { client }) => this.#subscribe(client),
      commit: async (params, { signal, onProgress }) => {
        await engine.flush(params.paths);
        return engine.call('commit', [params], { signal, onProgress });
      },
      discard: async (params, { signal, onProgress }) => {
        await engine.flush(params.paths);
        return engine.call('discard', [params], { signal, onProgress });
      },
      undoDiscard: ({ undoId }, { signal, onProgress }) =>
        engine.call('undoDiscard', [undoId], { signal, onProgress }),
      diff: ({ paths }, { signal }) => diffChanges(engine, paths, signal),
      stat: ({ path, side }) => engine.call('stat', [path, side]),
      read: async ({ path, side, offset, length }) => {
        const bytes = await engine.call('read', [path, side, offset, length]);
        return { base64: Buffer.from(bytes).toString('base64'), eof: bytes.length < length };
      },
      ranges: async ({ path, offset, limit }, { signal }) => {
        // Once for all pages: writing back makes the kernel forget the file's pages.
        if (offset === 0) await engine.flush([path]);
        return engine.call('ranges', [path, offset, limit], { signal });
      },
      blockSummary: ({ path, offset, length, cells }, { signal }) =>
        engine.call('blockSummary', [path, offset, length, cells], { signal }),
      discardRange: async ({ path, range }) => {
        await engine.flush([path]);
        await engine.call('discardRange', [path, range]);
        return {};
      },
      refresh: () => engine.call('refresh', []),
      shutdown: async ({ force }) => {
        await unmount(force ?? false);
        return { stopped: true };
      },
    };
  }

  /** A client is gone. */
  forget(client: ClientConnection): void {
    if (this.#subscribers.delete(client) && this.#subscribers.size === 0) this.#options.engine.watch(false);
  }

  #tell(delta: ChangeDelta): void {
    this.#options.state.setStoredBytes(delta.totals.storedBytes);
    for (const client of this.#subscribers) client.tell(delta);
  }

  #subscribe(client: ClientConnection): Promise<ChangeList> {
    const { engine } = this.#options;
    if (this.#subscribers.size === 0) engine.watch(true);
    this.#subscribers.add(client);
    return client.tellAfter(() => engine.call('changes', []));
  }

  async #info(): Promise<WorkspaceInfo> {
    const { engine, state, workspace } = this.#options;
    const exact = engine.call('storedBytes', []).catch(() => state.storedBytes);
    const lastKnown = sleep(EXACT_TIMEOUT, undefined, { ref: false }).then(() => state.storedBytes);
    const mounted = (await mountedWorkspaces()).has(workspace.mount);
    return { ...workspace, mounted, storedBytes: await Promise.race([exact, lastKnown]) };
  }
}
