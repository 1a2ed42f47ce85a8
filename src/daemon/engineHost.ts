import type { Mount } from '../driver/driver';
import { CowspaceError, fromErrorMessage } from '../protocol/errors';
import type { ChangeDelta, Progress } from '../protocol/messages';
import { Deferred } from './deferred';
import type { EngineCallName, EngineCalls, EngineEvent } from './engineMessages';
import type { EnginePlace } from './enginePlace';
import type { Log } from './log';

export interface CallOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface PendingCall {
  readonly answer: Deferred<unknown>;
  readonly onProgress: CallOptions['onProgress'];
}

/** How the engine ended. */
export interface EngineEnd {
  /** Absent when it ended in order. */
  readonly error: Error | undefined;
  /** Bytes in the scratch, if the engine could still tell. */
  readonly storedBytes: number | undefined;
}

/** The engine as the main thread sees it, with the mount that it serves. */
export class EngineHost {
  readonly #place: EnginePlace;
  readonly #log: Log;
  readonly #opened = new Deferred<void>();
  readonly #ended = new Deferred<EngineEnd>();
  readonly #pending = new Map<number, PendingCall>();
  #mount: Mount | undefined;
  /** Settles when the kernel has forgotten all that it was told to. */
  #invalidated: Promise<void> = Promise.resolve();
  #nextId = 1;
  #storedBytes: number | undefined;

  /** What became of the list of changes; see {@link watch}. */
  onDidChange: (delta: ChangeDelta) => void = () => undefined;

  /** Waits until the engine has opened bases and scratch. @throws CowspaceError as `Engine.open` */
  static async open(place: EnginePlace, log: Log): Promise<EngineHost> {
    const host = new EngineHost(place, log);
    await host.#opened.promise;
    return host;
  }

  private constructor(place: EnginePlace, log: Log) {
    this.#place = place;
    this.#log = log;
    place.listen({
      received: (event) => {
        this.#handle(event);
      },
      ended: (error) => {
        this.#end(error);
      },
    });
  }

  /** Settles when the engine has ended: the mount is gone, or {@link stop} was called, or it failed. */
  get ended(): Promise<EngineEnd> {
    return this.#ended.promise;
  }

  /** The engine serves a mount now. */
  mounted(mount: Mount): void {
    this.#mount = mount;
  }

  /** Ends the engine, also when the mount is still there: who uses it then gets ENOTCONN. */
  async stop(): Promise<void> {
    this.#place.stop();
    await this.ended;
  }

  /** Whether {@link onDidChange} is to be called as changes happen. */
  watch(on: boolean): void {
    this.#place.send({ kind: 'watch', on });
  }

  /**
   * Asks the engine for something. When the answer is there, the kernel sees the tree as the call left it.
   *
   * @throws CowspaceError what the engine throws; `cancelled`; `not-mounted` when the engine ends meanwhile
   */
  async call<N extends EngineCallName>(
    name: N,
    args: Parameters<EngineCalls[N]>,
    { onProgress, signal }: CallOptions = {},
  ): Promise<ReturnType<EngineCalls[N]>> {
    const id = this.#nextId++;
    const answer = new Deferred<unknown>();
    const cancel = (): void => {
      this.#place.send({ kind: 'cancel', id });
    };
    this.#pending.set(id, { answer, onProgress });
    this.#place.send({ kind: 'call', id, name, args });
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel);
    try {
      return (await answer.promise) as ReturnType<EngineCalls[N]>;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#pending.delete(id);
      await this.#invalidated;
    }
  }

  /** Brings what programs wrote, but the kernel still holds, into the engine. */
  async flush(): Promise<void> {
    await this.#mount?.writeBack();
  }

  #handle(event: EngineEvent): void {
    switch (event.kind) {
      case 'opened':
        this.#opened.resolve();
        break;
      case 'failed':
        this.#opened.reject(fromErrorMessage(event.error));
        break;
      case 'answer':
        this.#pending.get(event.id)?.answer.resolve(event.result);
        break;
      case 'refusal':
        this.#pending.get(event.id)?.answer.reject(fromErrorMessage(event.error));
        break;
      case 'progress':
        this.#pending.get(event.id)?.onProgress?.(event.progress);
        break;
      case 'changed':
        this.onDidChange(event.delta);
        break;
      case 'invalidate':
        this.#invalidate(event.list);
        break;
      case 'writeBack':
        void this.#writeBack(event);
        break;
      case 'log':
        this.#log[event.level](event.message);
        break;
      case 'ended':
        this.#storedBytes = event.storedBytes;
        break;
    }
  }

  async #writeBack({ id, nodeId, offset }: Extract<EngineEvent, { kind: 'writeBack' }>): Promise<void> {
    try {
      await this.#mount?.writeBackFile(nodeId, offset);
    } catch (error) {
      this.#log.error(`The kernel did not write back node ${nodeId}: ${String(error)}`);
    }
    this.#place.send({ kind: 'writtenBack', id });
  }

  #invalidate(list: Extract<EngineEvent, { kind: 'invalidate' }>['list']): void {
    const before = this.#invalidated;
    this.#invalidated = Promise.all([before, this.#mount?.invalidate(list)])
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#log.error(`The kernel was not told of a change: ${String(error)}`);
      });
  }

  #end(failure?: Error): void {
    const error = failure ?? new CowspaceError('not-mounted', 'The workspace was unmounted.');
    this.#opened.reject(error);
    for (const { answer } of this.#pending.values()) answer.reject(error);
    this.#ended.resolve({ error: failure, storedBytes: this.#storedBytes });
  }
}
