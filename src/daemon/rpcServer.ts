import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { preparePrivateDirectory } from '../protocol/privateDirectory';
import { ClientConnection, type Handlers } from './clientConnection';
import type { Log } from './log';

/** Milliseconds for clients to take what is still to be sent, when the server ends. */
const END_TIMEOUT = 1000;

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
    const client: ClientConnection = new ClientConnection(socket, handlers, {
      failed: (error) => {
        log.warn(`${client.name}: ${String(error)}`);
      },
      closed: () => {
        this.#clients.delete(client);
        disconnected(client);
      },
    });
    this.#clients.add(client);
  }
}
