import type { LogLevel } from '../../core/engine';
import type { FileSystem } from '../../core/filesystem';
import { E, FsError } from '../../sys/errno';
import type { Session } from '../driver';
import { type Binding, MAX_OPERATIONS, type NativeHandler, type OperationName } from './binding';
import { makeOperations, type Operation, type OperationTable } from './operations';

/**
 * Answers what libfuse's threads ask. Each of them waits for its answer without end, so there is always one, and at
 * once: the file system is synchronous.
 */
export class FuseNativeSession implements Session {
  readonly ended: Promise<void>;
  /** Tells that the mount is gone, of which libfuse's threads say nothing. */
  end: () => void = () => undefined;
  readonly #binding: Binding;
  readonly #operations: OperationTable;
  readonly #log: (level: LogLevel, message: string) => void;
  /** The addon works in this memory without holding on to it. */
  readonly #thread: Buffer;
  #stopped = false;

  constructor(binding: Binding, fs: FileSystem, log: (level: LogLevel, message: string) => void) {
    this.#binding = binding;
    this.#operations = makeOperations(fs);
    this.#log = log;
    this.#thread = Buffer.alloc(binding.sizeof_fuse_thread_t);
    this.ended = new Promise((resolve) => (this.end = resolve));
  }

  /**
   * Mounts; requests are answered from then on.
   *
   * @param options as after `-o`
   * @throws Error without a reason, which libfuse has printed
   */
  mount(mountPoint: string, options: string): void {
    const handlers: NativeHandler[] = Array.from({ length: MAX_OPERATIONS }, () => () => undefined);
    const implemented = new Uint32Array(MAX_OPERATIONS);
    const operations = Object.entries(this.#operations) as [OperationName, Operation<unknown[], unknown[]>][];
    for (const [name, operation] of operations) {
      const opcode = this.#binding[`op_${name}`];
      implemented[opcode] = 1;
      handlers[opcode] = this.#handler(name, operation);
    }
    const allocate = (size: number): Buffer => Buffer.alloc(size);
    this.#binding.fuse_native_mount(
      mountPoint,
      `-o${options}`,
      this.#thread,
      this,
      allocate,
      handlers,
      implemented,
    );
  }

  stop(): void {
    this.#stopped = true;
  }

  #handler(name: OperationName, { run, refusal }: Operation<unknown[], unknown[]>): NativeHandler {
    const signal = this.#binding[`fuse_native_signal_${name}`];
    return (locals, _opcode, ...args) => {
      let answer: [number, ...unknown[]];
      try {
        if (this.#stopped) throw new FsError(E.ENOTCONN, name);
        answer = run(locals, ...args);
      } catch (error) {
        answer = [-this.#errno(name, error), ...refusal(...args)];
      }
      signal(locals, ...answer);
    };
  }

  #errno(name: OperationName, error: unknown): number {
    if (error instanceof FsError) return error.errno;
    const cause = error instanceof Error ? error.stack : String(error);
    this.#log('error', `${name} failed: ${cause}`);
    return E.EIO;
  }
}
