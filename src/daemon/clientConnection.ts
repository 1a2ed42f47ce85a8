import { once } from 'node:events';
import type { Socket } from 'node:net';
import * as z from 'zod';
import { CowspaceError } from '../protocol/errors';
import { type ChangeDelta, type ChangeList, type Progress, PROTOCOL_VERSION } from '../protocol/messages';
import { type Method, methods, notifications } from '../protocol/methods';
import { cancelMethod, progressMethod, progressTokenSchema, toResponseError } from '../protocol/wire';
import { frame, MAX_MESSAGE, readMessages } from './framing';

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

type AnyHandler = (params: unknown, context: RequestContext) => Promise<unknown>;

interface Events {
  /** An error that is no answer to the client's requests. */
  readonly failed: (error: unknown) => void;
  readonly closed: () => void;
}

/** Most requests that are worked out, or whose answers the client has not read yet; others wait. */
const MAX_AT_WORK = 16;
/** Bytes on their way to a client that does not read them from which on nothing more is worked out for it. */
const MAX_UNREAD = 4 << 20;
/** Bytes of unanswered requests from which on nothing is read from the client. */
const MAX_UNANSWERED = MAX_MESSAGE;
/** About what a request takes besides its own bytes. */
const REQUEST_OVERHEAD = 4096;

const idSchema = z.union([z.number(), z.string()]);
const messageSchema = z.object({ id: idSchema.optional(), method: z.string(), params: z.unknown() });
const cancellationSchema = z.object({ id: idSchema });

type RequestId = z.infer<typeof idSchema>;

interface Request {
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
  readonly abort: AbortController;
  /** Bytes. */
  readonly cost: number;
}

/**
 * One client: checks what it sends, answers, and tells it of changes, all at the pace at which it reads. However much a
 * client sends, and however little it reads, what is kept for it has a bound.
 */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #handlers: ReadonlyMap<string, AnyHandler>;
  readonly #events: Events;
  readonly #refusal: CowspaceError | undefined;
  /** All that have no answer yet. */
  readonly #requests = new Map<RequestId, Request>();
  readonly #waiting: Request[] = [];
  /** Settle when the client has the answers; they never reject. */
  readonly #atWork = new Set<Promise<void>>();
  /** Settles when the client has the last answer that was written out; the next one is not before that. */
  #answered: Promise<void> = Promise.resolve();
  /** Bytes of all requests that have no answer yet. */
  #unanswered = 0;
  #readOn: () => void = () => undefined;
  #name: string | undefined;
  /** What to tell next; a client that is slow gets the newest, sees the gap and asks for the list. */
  #next: ChangeDelta | undefined;
  #telling = false;
  #holds = 0;

  /** @param refusal why the client is to be told to go, if it is */
  constructor(socket: Socket, handlers: Handlers, events: Events, refusal?: CowspaceError) {
    this.#socket = socket;
    this.#refusal = refusal;
    this.#events = events;
    const keys = Object.keys(handlers) as (keyof Handlers)[];
    this.#handlers = new Map(
      keys.map((key) => [methods[key].name, checked(methods[key], handlers[key] as AnyHandler)]),
    );
    socket.on('error', events.failed);
    socket.on('drain', () => {
      this.#startNext();
    });
    socket.on('close', () => {
      this.#waiting.length = 0;
      for (const { abort } of this.#requests.values()) abort.abort();
      events.closed();
    });
    void this.#read();
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
    while (this.#atWork.size > 0) await Promise.all(this.#atWork);
    // Were it the daemon that hangs up, a client might see that before it gets to the last answers.
    await this.#send(frame({ method: notifications.ending.name, params: {} }));
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }

  /** Hangs up at once on a client that was told to do so. */
  destroy(): void {
    this.#socket.destroy(new Error('The client did not hang up.'));
  }

  async #read(): Promise<void> {
    try {
      for await (const message of readMessages(this.#socket)) {
        this.#receive(message);
        // Nothing that the client says after this is heard, not even that it is gone, until it reads its answers.
        if (this.#unanswered > MAX_UNANSWERED) await new Promise<void>((resolve) => (this.#readOn = resolve));
      }
    } catch (error) {
      if (error !== this.#socket.errored) this.#events.failed(error);
    } finally {
      this.#socket.destroy();
    }
  }

  #receive(message: Buffer): void {
    const { id, method, params } = messageSchema.parse(JSON.parse(message.toString()));
    if (id === undefined) {
      if (method === cancelMethod) this.#requests.get(cancellationSchema.parse(params).id)?.abort.abort();
      return;
    }
    if (this.#requests.has(id)) throw new CowspaceError('usage', `Two requests have the id ${id}.`);
    const cost = message.length + REQUEST_OVERHEAD;
    const request = { id, method, params, abort: new AbortController(), cost };
    this.#requests.set(id, request);
    this.#unanswered += cost;
    this.#waiting.push(request);
    this.#startNext();
  }

  #startNext(): void {
    while (this.#atWork.size < MAX_AT_WORK && this.#socket.writableLength < MAX_UNREAD) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      const work = this.#serve(request).finally(() => {
        this.#atWork.delete(work);
        this.#startNext();
      });
      this.#atWork.add(work);
    }
  }

  async #serve(request: Request): Promise<void> {
    const { id, cost } = request;
    const answer = await this.#answer(request).then(
      (result) => ({ id, result }),
      (error: unknown) => ({ id, error: toResponseError(error) }),
    );
    this.#answered = this.#answered.then(() => this.#send(frameAnswer(answer)));
    await this.#answered;
    this.#requests.delete(id);
    this.#unanswered -= cost;
    if (this.#unanswered <= MAX_UNANSWERED) this.#readOn();
  }

  async #answer({ method, params, abort: { signal } }: Request): Promise<unknown> {
    if (method === methods.hello.name) return this.#hello(params);
    if (this.#name === undefined) {
      throw new CowspaceError('usage', `The first request must be ${methods.hello.name}.`);
    }
    const handler = this.#handlers.get(method);
    if (handler === undefined) throw new CowspaceError('usage', `There is no method '${method}'.`);
    if (signal.aborted) throw new CowspaceError('cancelled', 'Cancelled.');
    return handler(params, { client: this, signal, onProgress: this.#progress(params) });
  }

  #hello(params: unknown): z.output<(typeof methods)['hello']['result']> {
    const { protocolVersion, client } = parse(methods.hello, params);
    if (protocolVersion !== PROTOCOL_VERSION) {
      throw new CowspaceError(
        'unsupported',
        `This workspace is mounted by a version of cowspace that speaks protocol ${PROTOCOL_VERSION}, ` +
          `not ${protocolVersion}. Unmount it by force, then mount it again.`,
      );
    }
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#name = client;
    return { protocolVersion: PROTOCOL_VERSION, pid: process.pid };
  }

  async #tellNext(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      while (this.#next !== undefined && this.#holds === 0) {
        const delta = this.#next;
        this.#next = undefined;
        await this.#send(frame({ method: notifications.didChange.name, params: delta }));
      }
    } catch (error) {
      this.#events.failed(error);
    } finally {
      this.#telling = false;
    }
  }

  #progress(params: unknown): (progress: Progress) => void {
    const token = progressTokenSchema.safeParse(params).data?.progressToken;
    if (token === undefined) return () => undefined;
    return (value) => {
      // Who has not read the last one is told later how far it is.
      if (this.#socket.writableLength > 0) return;
      void this.#send(frame({ method: progressMethod, params: { token, value } }));
    };
  }

  /** Settles when the kernel has taken all of it for the client, or the client is gone. */
  #send(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(text, () => {
        resolve();
      });
    });
  }
}

function frameAnswer(answer: { readonly id: RequestId }): string {
  try {
    return frame(answer);
  } catch (error) {
    return frame({ id: answer.id, error: toResponseError(error) });
  }
}

/** @throws CowspaceError `usage` */
function parse<P extends z.ZodType>(method: Method<P, z.ZodType>, params: unknown): z.output<P> {
  const parsed = method.params.safeParse(params);
  if (parsed.success) return parsed.data;
  throw new CowspaceError(
    'usage',
    `The parameters of ${method.name} are wrong:\n${z.prettifyError(parsed.error)}`,
  );
}

function checked(method: Method<z.ZodType, z.ZodType>, handler: AnyHandler): AnyHandler {
  return (params, context) => handler(parse(method, params), context);
}
