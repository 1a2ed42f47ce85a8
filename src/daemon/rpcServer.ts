import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CowspaceError } from '../protocol/errors';
import { preparePrivateDirectory } from '../protocol/privateDirectory';
import { ClientConnection, type Handlers } from './clientConnection';
import type { Log } from './log';

/** Milliseconds for clients to take what is still to be sent, when the server ends. */
const END_TIMEOUT = 1000;

/** Most clients at once: some for each window, command and agent. What one more asks is refused. */
export const MAX_CLIENTS = 128;
/** Most connections, with those that were refused and have not hung up; one more is closed at once. */
const MAX_CONNECTIONS = 2 * MAX_CLIENTS;

export interface RpcOptions {
  readonly handlers: Handlers;
  readonly log: Log;
  readonly disconnected: (client: ClientConnection) => void;
}

/** Listens on a unix socket for clients of the same user. */
export class RpcServer {
  readonly #server: Server;
  readonly #options: RpcOptions;
  readonly #clients = new Set<ClientConnection>();

  /**
   * @param path of the socket; what an earlier daemon left there is replaced
   * @throws CowspaceError `unsupported` when others have access to its folder
   */
  static async listen(path: string, options: RpcOptions): Promise<RpcServer> {
    await preparePrivateDirectory(
      dirname(path),
      'because whoever reaches the sockets in it controls your workspaces. Remove it, or set XDG_RUNTIME_DIR to a ' +
        'folder of your own.',
    );
    await rm(path, { force: true });
    const server = new RpcServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(path, resolve);
    });
    await chmod(path, 0o600);
    return server;
  }

  private constructor(options: RpcOptions) {
    this.#options = options;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Stops listening, removes the socket, and hangs up on all clients once they have their answers. */
  async close(): Promise<void> {
    this.#server.close();
    const ended = Promise.allSettled([...this.#clients].map((client) => client.end()));
    await Promise.race([ended, sleep(END_TIMEOUT)]);
    for (const client of this.#clients) client.destroy();
  }

  #accept(socket: Socket): void {
    const { handlers, log, disconnected } = this.#options;
    const events = {
      failed: (error: unknown): void => {
        log.warn(`${client.name}: ${String(error)}`);
      },
      closed: (): void => {
        this.#clients.delete(client);
        disconnected(client);
      },
    };
    const refusal = this.#clients.size < MAX_CLIENTS ? undefined : tooMany();
    const client: ClientConnection = new ClientConnection(socket, handlers, events, refusal);
    this.#clients.add(client);
  }
}

function tooMany(): CowspaceError {
  return new CowspaceError(
    'internal',
    `The workspace has ${MAX_CLIENTS} clients already, as many as it may have. Close some, then try again.`,
  );
}
