import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

/** Escape sequences that start a style; `none` leaves the text as it is. */
const styles = {
  none: '',
  bold: '\x1b[1m',
  dim: '\x1b[2m',
  red: '\x1b[31m',
  green: '\x1b[32m',
  yellow: '\x1b[33m',
  blue: '\x1b[34m',
  magenta: '\x1b[35m',
  cyan: '\x1b[36m',
} as const;
const RESET = '\x1b[0m';
const ERASE_TO_END = '\x1b[K';
export type Style = keyof typeof styles;

/** Where the output goes, and who may be asked. */
export class Terminal {
  /** Whether a person sits there, who can answer. */
  readonly interactive = process.stdin.isTTY && process.stderr.isTTY;
  readonly #colours = process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

  /** Writes lines to standard output; an empty text is none. */
  write(text: string): void {
    if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** As {@link write}, for outputs of any length: waits until whoever reads them has caught up. */
  async stream(text: string): Promise<void> {
    if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
  }

  /** Writes lines to standard error: what is not the result. */
  note(text: string): void {
    if (text !== '') process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Shows a person how far something is, in one line that the next replaces; an empty text ends it. */
  progress(text: string): void {
    if (this.interactive) process.stderr.write(`\r${text}${ERASE_TO_END}`);
  }

  /** Colours a text, if the output is for people. */
  style(style: Style, text: string): string {
    return this.#colours && style !== 'none' && text !== '' ? `${styles[style]}${text}${RESET}` : text;
  }

  /** Asks a person for a yes. */
  async confirm(question: string): Promise<boolean> {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      // Who closes the input, or interrupts, does not say yes.
      const no = once(lines, 'close').then(() => '');
      const answer = await Promise.race([lines.question(`${question} [y/N] `).catch(() => ''), no]);
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  }
}
