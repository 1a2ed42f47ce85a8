import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface CommandResult {
  /** Exit code; 128 plus the signal's number is not used: a program that a signal ended has `signal`. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Replaces the environment as a whole. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  readonly uid?: number;
  readonly gid?: number;
  /** Milliseconds until the program is killed; default: a minute. */
  readonly timeout?: number;
}

/** Runs a program to its end, whatever its exit code; rejects only when it cannot be started. */
export async function runCommand(
  command: string,
  args: readonly string[] = [],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input, ...rest } = options;
  const child = spawn(command, args, { timeout: 60_000, killSignal: 'SIGKILL', ...rest });
  const ended = new Promise<Pick<CommandResult, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  // A program that ends without reading its input is no failure of the test.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { ...end, stdout, stderr };
}

/** As {@link runCommand}, but a program that fails throws with all that it printed. Returns its stdout. */
export async function runChecked(
  command: string,
  args: readonly string[] = [],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(command, args, options);
  if (result.code !== 0) {
    const end = result.signal ?? `exit code ${String(result.code)}`;
    throw new Error(`${[command, ...args].join(' ')}: ${end}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}
