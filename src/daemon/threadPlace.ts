import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { check } from '../sys/errno';
import { eventFd } from '../sys/process';
import type { EngineCommand, EngineOptions, EngineThreadData, ThreadCommand } from './engineMessages';
import type { EngineListener, EnginePlace } from './enginePlace';
import { raise } from './wakeup';

/** The engine on a thread of its own, where also the requests of a mount are read: see `engineThread.ts`. */
export class ThreadPlace implements EnginePlace {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #wakeFd = check(eventFd(), 'eventfd');

  constructor({ bases, scratch, deltaThreshold }: EngineOptions) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: EngineThreadData = {
      bases,
      scratch,
      deltaThreshold,
      port: port2,
      wakeFd: this.#wakeFd,
    };
    this.#worker = new Worker(join(__dirname, 'engine.js'), { workerData, transferList: [port2] });
  }

  listen({ received, ended }: EngineListener): void {
    let failure: Error | undefined;
    this.#worker.on('message', received);
    this.#worker.on('error', (error) => {
      failure = error;
    });
    this.#worker.on('exit', () => {
      this.#port.close();
      ended(failure);
    });
  }

  send(command: EngineCommand): void {
    this.#command(command);
  }

  /** Begins to work. @param fd `/dev/fuse` of the mount that it shall serve; null: there is none */
  serve(fd: number | null): void {
    this.#command({ kind: 'serve', fd });
  }

  stop(): void {
    this.#command({ kind: 'stop' });
  }

  #command(command: ThreadCommand): void {
    this.#port.postMessage(command);
    raise(this.#wakeFd);
  }
}
