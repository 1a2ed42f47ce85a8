import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CancellationToken, MessageConnection, ResponseError } from 'vscode-jsonrpc/node';
import * as z from 'zod';
import { CowspaceError } from '../protocol/errors';
import { type ChangeDelta, type ChangeList, type Progress, PROTOCOL_VERSION } from '../protocol/messages';
import { type Method, methods, notifications } from '../protocol/methods';
import { connectionOver, progressTokenSchema, progressType, toResponseError } from '../protocol/wire';

/** What a request comes with besides its parameters. */
export interface RequestContext {
  readonly client: ClientConnection;
  /** Aborted when the client cancels the request or is gone. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

type Handler<M> =
  M extends Method<infer P, infer R>
    ? (params: z.output<P>, context: RequestContext) => Promise<z.output<R>>
    : never;

/** The daemon's answer to each request but the first, `hello`, which is the connection's own. */
export type Handlers = {
  readonly [K in Exclude<keyof typeof methods, 'hello'>]: Handler<(typeof methods)[K]>;
};

interface Events {
  /** An error that is no answer to the client's requests. */
  readonly failed: (error: unknown) => void;
  readonly closed: () => void;
}

/** One client: checks what it sends, and tells it of changes at the pace at which it reads. */
export class ClientConnection {
  readonly #connection: MessageConnection;
  readonly #socket: Socket;
  readonly #events: Events;
  readonly #gone = new AbortController();
  /** Answers that are being worked out; they never reject. */
  readonly #requests = new Set<Promise<unknown>>();
  #name: string | undefined;
  /** What to tell next; a client that is slow gets the newest, sees the gap and asks for the list. */
  #next: ChangeDelta | undefined;
  #telling = false;
  #holds = 0;

  constructor(socket: Socket, handlers: Handlers, events: Events) {
    this.#socket = socket;
    this.#events = events;
    this.#connection = connectionOver(socket);
    this.#connection.onError(([error]) => {
      events.failed(error);
      socket.destroy();
    });
    this.#connection.onClose(() => {
      this.#gone.abort();
      this.#connection.dispose();
      events.closed();
    });
    this.#connection.onRequest(methods.hello.name, (params: unknown) => this.#hello(params));
    for (const key of Object.keys(handlers) as (keyof Handlers)[]) {
      const handler = handlers[key] as (params: unknown, context: RequestContext) => Promise<unknown>;
      this.#connection.onRequest(methods[key].name, (params: unknown, token: CancellationToken) =>
        this.#track(this.#answer(methods[key], handler, params, token)),
      );
    }
    this.#connection.listen();
  }

  /** What the client calls itself. */
  get name(): string {
    return this.#name ?? 'unknown client';
  }

  /** Tells the client what became of the changes. */
  tell(delta: ChangeDelta): void {
    this.#next = delta;
    void this.#tellNext();
  }

  /** Finds the list from which a client starts, and tells nothing newer before the client has it. */
  async tellAfter(list: () => Promise<ChangeList>): Promise<ChangeList> {
    this.#holds++;
    try {
      const start = await list();
      if (this.#next !== undefined && this.#next.revision <= start.revision) this.#next = undefined;
      return start;
    } finally {
      // The answer is on its way once all that this promise settles has run.
      setImmediate(() => {
        this.#holds--;
        void this.#tellNext();
      });
    }
  }

  /** Waits until all requests have their answers, and the client has them and hangs up. */
  async end(): Promise<void> {
    while (this.#requests.size > 0) await Promise.all(this.#requests);
    // An answer is handed to the connection right after its promise settles.
    await nextTurn();
    // Were it the daemon that hangs up, a client might see that before it gets to the last answers.
    await this.#connection.sendNotification(notifications.ending.name, {});
    if (!this.#gone.signal.aborted) await once(this.#gone.signal, 'abort');
  }

  /** Hangs up at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  async #tellNext(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      while (this.#next !== undefined && this.#holds === 0) {
        const delta = this.#next;
        this.#next = undefined;
        await this.#connection.sendNotification(notifications.didChange.name, delta);
      }
    } catch (error) {
      this.#events.failed(error);
    } finally {
      this.#telling = false;
    }
  }

  #hello(params: unknown): unknown {
    const hello = methods.hello.params.safeParse(params);
    if (!hello.success) return usageError('hello', hello.error);
    const { protocolVersion, client } = hello.data;
    if (protocolVersion !== PROTOCOL_VERSION) {
      return toResponseError(
        new CowspaceError(
          'unsupported',
          `This workspace is mounted by a version of cowspace that speaks protocol ${PROTOCOL_VERSION}, ` +
            `not ${protocolVersion}. Unmount it by force, then mount it again.`,
        ),
      );
    }
    this.#name = client;
    return { protocolVersion: PROTOCOL_VERSION, pid: process.pid };
  }

  #track(answer: Promise<unknown>): Promise<unknown> {
    this.#requests.add(answer);
    return answer.finally(() => this.#requests.delete(answer));
  }

  async #answer(
    method: Method<z.ZodType, z.ZodType>,
    handler: (params: unknown, context: RequestContext) => Promise<unknown>,
    received: unknown,
    token: CancellationToken,
  ): Promise<unknown> {
    if (this.#name === undefined) {
      return toResponseError(new CowspaceError('usage', `The first request must be ${methods.hello.name}.`));
    }
    const params = method.params.safeParse(received);
    if (!params.success) return usageError(method.name, params.error);
    const abort = new AbortController();
    const cancellation = token.onCancellationRequested(() => {
      abort.abort();
    });
    try {
      return await handler(params.data, {
        client: this,
        signal: AbortSignal.any([abort.signal, this.#gone.signal]),
        onProgress: this.#progress(received),
      });
    } catch (error) {
      return toResponseError(error);
    } finally {
      cancellation.dispose();
    }
  }

  #progress(params: unknown): (progress: Progress) => void {
    const parsed = progressTokenSchema.safeParse(params);
    const token = parsed.data?.progressToken;
    if (token === undefined) return () => undefined;
    return (progress) => {
      void this.#connection.sendProgress(progressType, token, progress).catch(this.#events.failed);
    };
  }
}

function usageError(method: string, error: z.ZodError): ResponseError<unknown> {
  return toResponseError(
    new CowspaceError('usage', `The parameters of ${method} are wrong:\n${z.prettifyError(error)}`),
  );
}
