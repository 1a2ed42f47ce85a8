import { MessageChannel } from 'node:worker_threads';
import type { FileSystem } from '../core/filesystem';
import type { Session } from '../driver/driver';
import type { EngineCommand, EngineEvent, EngineOptions } from './engineMessages';
import type { EngineListener, EnginePlace } from './enginePlace';
import { EngineServer } from './engineServer';

/**
 * The engine on the main thread, for a driver that calls it from the event loop. The RPC server shares that loop: its
 * answers wait for requests and slices of work, milliseconds each.
 */
export class LocalPlace implements EnginePlace {
  /** As between threads, so that what is sent is a copy and arrives from the event loop. */
  readonly #channel = new MessageChannel();
  readonly #server: EngineServer;
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** @throws CowspaceError as `Engine.open` */
  constructor(options: EngineOptions) {
    const post = (event: EngineEvent): void => {
      this.#channel.port2.postMessage(event);
    };
    const wake = (): void => {
      this.#stepAfter(0);
    };
    this.#server = new EngineServer(options, { post, wake });
    post({ kind: 'opened' });
  }

  get fs(): FileSystem {
    return this.#server.fs;
  }

  get log(): EngineServer['log'] {
    return this.#server.log;
  }

  listen({ received, ended }: EngineListener): void {
    this.#channel.port1.on('message', received);
    this.#channel.port1.on('close', () => {
      ended();
    });
  }

  send(command: EngineCommand): void {
    setImmediate(() => {
      if (this.#ended) return;
      this.#server.obey(command);
      this.#stepAfter(0);
    });
  }

  /** Ends with the session. */
  serve(session: Session): void {
    this.#session = session;
    void session.ended.then(() => {
      this.stop();
    });
  }

  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#session?.stop();
    this.#server.close();
    this.#channel.port2.close();
  }

  /** A timer rather than an immediate: requests have their turn before it, at least for a millisecond. */
  #stepAfter(delay: number): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const next = this.#server.step();
      if (next >= 0) this.#stepAfter(next);
    }, delay);
  }
}
