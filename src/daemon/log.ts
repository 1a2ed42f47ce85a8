import { appendFileSync, renameSync, statSync } from 'node:fs';
import type { LogLevel } from '../core/engine';

/** Bytes from which on a log is put aside; one such older log is kept. */
const MAX_SIZE = 1 << 20;

/** The log file of one workspace: a line for each event, with time and level. */
export class Log {
  readonly #file: string;
  #size: number;

  constructor(file: string) {
    this.#file = file;
    this.#size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  info(message: string): void {
    this.#write('info', message);
  }

  warn(message: string): void {
    this.#write('warn', message);
  }

  error(message: string): void {
    this.#write('error', message);
  }

  /** A log that cannot be written, on a full disk say, is no reason to stop serving the mount. */
  #write(level: LogLevel, message: string): void {
    const line = `${new Date().toISOString()} ${level.padEnd(5)} ${message.replaceAll('\n', '\n  ')}\n`;
    try {
      if (this.#size > MAX_SIZE) {
        renameSync(this.#file, `${this.#file}.1`);
        this.#size = 0;
      }
      appendFileSync(this.#file, line, { mode: 0o600 });
      this.#size += Buffer.byteLength(line);
    } catch {
      return;
    }
  }
}
