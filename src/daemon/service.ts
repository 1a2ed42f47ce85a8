import { setTimeout as sleep } from 'node:timers/promises';
import { CowspaceError } from '../protocol/errors';
import type { ChangeDelta, ChangeList, WorkspaceInfo } from '../protocol/messages';
import { mountedWorkspaces } from '../protocol/mounts';
import type { ClientConnection, Handlers } from './clientConnection';
import { diffChanges } from './diff';
import { editorHandlers, refuseEditor } from './editorHandlers';
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
  #working = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { engine, unmount, workspace } = options;
    engine.onDidChange = (delta) => {
      this.#tell(delta);
    };
    this.handlers = {
      ...(workspace.driver === 'editor' ? editorHandlers(engine) : refuseEditor(workspace.mount)),
      info: () => this.#info(),
      changes: () => engine.call('changes', []),
      subscribe: (_, { client }) => this.#subscribe(client),
      commit: (params, { signal, onProgress }) =>
        this.#work(() => engine.call('commit', [params], { signal, onProgress })),
      discard: (params, { signal, onProgress }) =>
        this.#work(() => engine.call('discard', [params], { signal, onProgress })),
      undoDiscard: ({ undoId }, { signal, onProgress }) =>
        this.#work(() => engine.call('undoDiscard', [undoId], { signal, onProgress })),
      diff: ({ paths }, { signal }) => diffChanges(engine, paths, signal),
      stat: ({ path, side }) => engine.call('stat', [path, side]),
      read: async ({ path, side, offset, length }) => {
        const bytes = await engine.call('read', [path, side, offset, length]);
        return { base64: Buffer.from(bytes).toString('base64'), eof: bytes.length < length };
      },
      ranges: async ({ path, offset, limit }, { signal }) => {
        // Once for all pages.
        if (offset === 0) await engine.flush();
        return engine.call('ranges', [path, offset, limit], { signal });
      },
      blockSummary: ({ path, offset, length, cells }, { signal }) =>
        engine.call('blockSummary', [path, offset, length, cells], { signal }),
      discardRange: async ({ path, range }) => {
        await this.#work(() => engine.call('discardRange', [path, range]));
        return {};
      },
      verify: () => engine.call('verify', []),
      refresh: () => engine.call('refresh', []),
      shutdown: async ({ force = false }) => {
        if (!force && this.#working > 0) {
          throw new CowspaceError(
            'busy',
            'A commit or discard is under way. Wait for its end, or cancel it.',
          );
        }
        await unmount(force);
        return { stopped: true };
      },
    };
  }

  /** A client is gone. */
  forget(client: ClientConnection): void {
    if (this.#subscribers.delete(client) && this.#subscribers.size === 0) this.#options.engine.watch(false);
  }

  /** Does what changes base or scratch, with all that programs wrote. */
  async #work<T>(act: () => Promise<T>): Promise<T> {
    this.#working++;
    try {
      await this.#options.engine.flush();
      return await act();
    } finally {
      this.#working--;
    }
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
    const mounted = workspace.driver === 'editor' || (await mountedWorkspaces()).has(workspace.mount);
    return { ...workspace, mounted, storedBytes: await Promise.race([exact, lastKnown]) };
  }
}
