import { createConnection, type Socket } from 'node:net';
import { CancellationTokenSource, Emitter, type Event, type MessageConnection } from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import { CowspaceError } from './errors';
import { type ChangeDelta, type Progress, progressSchema, PROTOCOL_VERSION } from './messages';
import { type Method, methods, notifications } from './methods';
import { within } from './timeout';
import { closedError, connectionOver, fromResponseError, progressType } from './wire';

export interface RequestOptions {
  onProgress?: (progress: Progress) => void;
  /** Aborting it makes the daemon stop; the request then fails with `cancelled`. */
  signal?: AbortSignal;
}

export interface ConnectOptions {
  /** What the daemon's log calls this client. */
  name?: string;
  /** Milliseconds that the daemon has to answer the first message. */
  timeout?: number;
}

const HELLO_TIMEOUT = 5000;

/** A connection to the daemon of one workspace. */
export class DaemonClient {
  readonly #connection: MessageConnection;
  readonly #socket: Socket;
  readonly #didChange = new Emitter<ChangeDelta>();
  readonly #close = new Emitter<void>();
  #nextToken = 1;
  #pid = 0;
  #closed = false;

  /** What became of the changes; only after a `methods.subscribe` request. */
  readonly onDidChange: Event<ChangeDelta> = this.#didChange.event;
  /** The daemon hung up or ended; not fired by {@link dispose}. */
  readonly onClose: Event<void> = this.#close.event;

  /**
   * Connects and agrees on the protocol.
   *
   * @throws CowspaceError `not-mounted` when nobody listens there, `unsupported` when the daemon speaks another
   *   version, `internal` when it does not answer
   */
  static async connect(socketPath: string, options: ConnectOptions = {}): Promise<DaemonClient> {
    const client = new DaemonClient(await openSocket(socketPath));
    const greeting = client.request(methods.hello, {
      protocolVersion: PROTOCOL_VERSION,
      client: options.name ?? 'client',
    });
    try {
      const { pid } = await within(greeting, options.timeout ?? HELLO_TIMEOUT, unanswered);
      client.#pid = pid;
      return client;
    } catch (error) {
      client.dispose();
      throw error;
    }
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#connection = connectionOver(socket);
    this.#connection.onClose(() => {
      this.#hangUp();
    });
    this.#connection.onNotification(notifications.ending.name, () => {
      this.#hangUp();
    });
    this.#connection.onError(() => {
      socket.destroy();
    });
    this.#connection.onNotification(notifications.didChange.name, (params: unknown) => {
      const delta = notifications.didChange.params.safeParse(params);
      if (delta.success) this.#didChange.fire(delta.data);
      else socket.destroy();
    });
    this.#connection.listen();
  }

  /** The daemon's process id. */
  get pid(): number {
    return this.#pid;
  }

  /** Whether there is no connection any more, for whatever reason. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends a request and waits for the answer.
   *
   * @throws CowspaceError the daemon's error, or `not-mounted` when the connection ends before the answer
   */
  async request<P extends z.ZodType, R extends z.ZodType>(
    method: Method<P, R>,
    params: z.input<P>,
    options: RequestOptions = {},
  ): Promise<z.output<R>> {
    const { onProgress, signal } = options;
    if (this.#closed) throw closedError();
    if (signal?.aborted) throw new CowspaceError('cancelled', 'Cancelled.');
    const cancellation = new CancellationTokenSource();
    const cancel = (): void => {
      cancellation.cancel();
    };
    signal?.addEventListener('abort', cancel);
    const token = this.#nextToken++;
    const progress = this.#connection.onProgress(progressType, token, (value: unknown) => {
      const parsed = progressSchema.safeParse(value);
      if (parsed.success) onProgress?.(parsed.data);
    });
    const message = onProgress ? { ...(params as object), progressToken: token } : params;
    try {
      const answer = await this.#connection.sendRequest(method.name, message, cancellation.token);
      const result = method.result.safeParse(answer);
      if (result.success) return result.data;
      throw new CowspaceError(
        'internal',
        `The daemon's answer to ${method.name} makes no sense: ${result.error.message}`,
      );
    } catch (error) {
      throw error instanceof CowspaceError ? error : fromResponseError(error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      progress.dispose();
      cancellation.dispose();
    }
  }

  /** Hangs up. Requests that wait for an answer fail. */
  dispose(): void {
    this.#shut();
    this.#didChange.dispose();
    this.#close.dispose();
  }

  /** The daemon is gone, or will be. */
  #hangUp(): void {
    if (this.#closed) return;
    this.#shut();
    this.#close.fire();
  }

  #shut(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.dispose();
    this.#socket.destroy();
  }
}

function unanswered(): CowspaceError {
  return new CowspaceError(
    'internal',
    'The daemon of the workspace runs but does not answer. Unmount the workspace by force, then mount it again.',
  );
}

function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const fail = (error: Error): void => {
      reject(new CowspaceError('not-mounted', `No daemon answers at ${path}: ${error.message}`, { path }));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      // From here on the connection reports errors; without a listener a late one would end the process.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
