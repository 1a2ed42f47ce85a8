import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { serveEditor } from '../driver/editor/session';
import { KernelSession } from '../driver/kernel/session';
import { toErrorMessage } from '../protocol/errors';
import { PollSet } from '../sys/process';
import type { EngineEvent, EngineThreadData, ThreadCommand } from './engineMessages';
import { EngineServer } from './engineServer';
import { raise, reset } from './wakeup';

/** Thrown through the session, whose only end of its own is that of the mount. */
class Stop extends Error {}

/**
 * The engine on a thread of its own: it answers the mount's requests, and between them does what the main thread
 * asks for. It does not return to the event loop before the end, so it fetches its messages itself.
 */
class EngineThread {
  readonly #port: EngineThreadData['port'];
  readonly #wakeFd: number;
  readonly #server: EngineServer;

  /** @throws CowspaceError as `Engine.open` */
  constructor({ port, wakeFd, ...options }: EngineThreadData) {
    this.#port = port;
    this.#wakeFd = wakeFd;
    const wake = (): void => {
      raise(wakeFd);
    };
    this.#server = new EngineServer(options, { post, wake });
  }

  /** Waits for the command to serve, and serves until the mount is gone or a command ends it. */
  run(): void {
    const server = this.#server;
    const step = (): number => {
      this.#receive();
      return server.step();
    };
    try {
      const fd = this.#awaitMount();
      if (fd === null) return serveEditor({ step }, this.#wakeFd);
      const { log, writeBack } = server;
      new KernelSession(fd, server.fs, { log, writeBack }).serve({ step }, this.#wakeFd);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    } finally {
      server.close();
    }
  }

  #awaitMount(): number | null {
    const wakeup = new PollSet([this.#wakeFd]);
    for (;;) {
      wakeup.wait(-1);
      reset(this.#wakeFd);
      const command = this.#nextCommand();
      if (command?.kind === 'serve') return command.fd;
      if (command?.kind === 'stop') throw new Stop();
    }
  }

  #receive(): void {
    reset(this.#wakeFd);
    for (;;) {
      const command = this.#nextCommand();
      if (command === undefined) return;
      if (command.kind === 'stop') throw new Stop();
      if (command.kind === 'serve') throw new Error('The thread serves a mount already.');
      this.#server.obey(command);
    }
  }

  #nextCommand(): ThreadCommand | undefined {
    const received = receiveMessageOnPort(this.#port) as { message: ThreadCommand } | undefined;
    return received?.message;
  }
}

function post(event: EngineEvent): void {
  parentPort!.postMessage(event);
}

function main(): void {
  let thread: EngineThread;
  try {
    thread = new EngineThread(workerData as EngineThreadData);
  } catch (error) {
    post({ kind: 'failed', error: toErrorMessage(error) });
    return;
  }
  post({ kind: 'opened' });
  thread.run();
}

main();
