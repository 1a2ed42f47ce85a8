import type { LogLevel } from '../../core/engine';
import type { FileSystem } from '../../core/filesystem';
import { check, E, FsError } from '../../sys/errno';
import { read, write } from '../../sys/file';
import { PollSet } from '../../sys/process';
import type { Pump } from '../driver';
import { Exchange, type Handler, NO_REPLY } from './exchange';
import { handlers } from './handlers';
import { Lookout } from './lookout';
import { opcodeName } from './protocol';
import { Staging } from './staging';

/** Milliseconds for which requests are answered in a row before other work has its turn. */
const BURST = 5;

export interface SessionOptions {
  readonly log: (level: LogLevel, message: string) => void;
  /**
   * Has another thread make the kernel write back what it holds of a file from `offset` on, by invalidating that, and
   * calls `done` afterwards on the session's thread.
   */
  readonly writeBack: (nodeId: number, offset: number, done: () => void) => void;
}

/** Answers the kernel's requests for one mount, on the thread that calls {@link serve}. */
export class KernelSession {
  readonly #fd: number;
  readonly #exchange: Exchange;
  readonly #staging = new Staging();
  readonly #log: SessionOptions['log'];

  /** @param fd the mount's descriptor of `/dev/fuse`, non-blocking */
  constructor(fd: number, fs: FileSystem, { log, writeBack }: SessionOptions) {
    this.#fd = fd;
    this.#log = log;
    this.#exchange = new Exchange(fs, (nodeId, offset, handler) => {
      const { opcode, uniqueLow, uniqueHigh } = this.#exchange.request;
      writeBack(nodeId, offset, () => {
        this.#answer(handler, opcode, uniqueLow, uniqueHigh);
      });
    });
  }

  /**
   * Answers requests and lets the pump work in between; returns when the mount is gone. What the pump throws ends
   * it too.
   *
   * @param wakeFd becomes readable when there is work for the pump (an eventfd)
   */
  serve(pump: Pump, wakeFd: number): void {
    const ready = new PollSet([this.#fd, wakeFd]);
    let due = dueAfter(pump.step());
    const lookout = new Lookout();
    let patience = 0;
    for (;;) {
      const quietSince = this.#answerRequests(patience);
      if (quietSince === GONE) return;
      ready.wait(millisecondsUntil(due));
      const now = performance.now();
      const working = now >= due;
      // While the pump works, each pause lasts a slice of that work and says nothing of the programs.
      patience = lookout.after(working ? 0 : now - quietSince);
      if (working || ready.events(1) !== 0) due = dueAfter(pump.step());
    }
  }

  /**
   * Answers requests until for `patience` milliseconds there is none, or for BURST milliseconds.
   *
   * @returns the time of the last answer, or GONE
   */
  #answerRequests(patience: number): number {
    const { request } = this.#exchange;
    let now = performance.now();
    let quietSince = now;
    const end = now + BURST;
    while (now < end) {
      const length = read(this.#fd, request.buffer, request.buffer.length);
      if (length >= 0) {
        const { opcode } = request;
        const handler = this.#staging.owns(this.#exchange) ? this.#staging.answer : handlers[opcode];
        this.#answer(handler, opcode, request.uniqueLow, request.uniqueHigh);
        quietSince = now = performance.now();
      } else if (length === -E.EAGAIN) {
        now = performance.now();
        if (now - quietSince >= patience) break;
      } else if (length === -E.ENODEV) {
        return GONE;
      } else if (length !== -E.EINTR && length !== -E.ENOENT) {
        // ENOENT: the request was withdrawn while it was being read.
        check(length, 'read /dev/fuse');
      }
    }
    return quietSince;
  }

  #answer(handler: Handler | undefined, opcode: number, uniqueLow: number, uniqueHigh: number): void {
    const result = this.#run(handler, opcode);
    if (result === NO_REPLY) return;
    const { reply } = this.#exchange;
    const length = reply.seal(Math.max(result, 0), Math.min(result, 0), uniqueLow, uniqueHigh);
    const written = write(this.#fd, reply.buffer, length);
    // ENOENT: nobody waits for the answer any more, as the mount is being torn down.
    if (written < 0 && written !== -E.ENOENT) {
      const { code } = new FsError(-written, 'write');
      this.#log('error', `the kernel refused the answer to ${opcodeName(opcode)}: ${code}`);
    }
  }

  #run(handler: Handler | undefined, opcode: number): number {
    try {
      return handler?.(this.#exchange) ?? -E.ENOSYS;
    } catch (error) {
      if (error instanceof FsError) return -error.errno;
      const cause = error instanceof Error ? error.stack : String(error);
      this.#log('error', `${opcodeName(opcode)} failed: ${cause}`);
      return -E.EIO;
    }
  }
}

const GONE = -1;

/** When to call the pump again, in terms of `performance.now()`. */
function dueAfter(delay: number): number {
  return delay < 0 ? Infinity : performance.now() + delay;
}

/** As `poll` wants it. */
function millisecondsUntil(due: number): number {
  return due === Infinity ? -1 : Math.max(0, Math.ceil(due - performance.now()));
}
