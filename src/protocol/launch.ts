import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as z from 'zod';
import { CowspaceError, errorMessageSchema, fromErrorMessage } from './errors';
import { damageSchema } from './messages';

/** What the machine and a file system can do, as far as it takes system calls to find out. */
export const probeResultSchema = z.object({
  /** Extended attributes of users, which every scratch needs. */
  xattrs: z.boolean(),
  /** Whiteouts as device files. */
  deviceWhiteouts: z.boolean(),
  reflinks: z.boolean(),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;

/** What the daemon's program does for a client that starts it, by its first argument; the others follow it. */
export const tasks = {
  /** DIRECTORY SOCKET: mounts the workspace that DIRECTORY describes, answers, and goes on to serve it. */
  serve: z.object({ pid: z.number() }),
  /** DIRECTORY: takes away the mount that a daemon left behind when it was killed. */
  release: z.object({ released: z.boolean() }),
  /** DIRECTORY [--force]: deletes scratch and mount point of a workspace that is not mounted. */
  remove: z.object({}),
  /** DIRECTORY: looks for files of a workspace that is not mounted whose contents cannot be had. */
  verify: z.array(damageSchema),
  /** DIRECTORY: finds out what the file system there can do. */
  probe: probeResultSchema,
} as const;
export type TaskName = keyof typeof tasks;

/** The one message that the program sends to who started it. */
const answerSchema = z.union([z.object({ result: z.unknown() }), z.object({ error: errorMessageSchema })]);
export type TaskAnswer = { result: unknown } | { error: z.infer<typeof errorMessageSchema> };

/**
 * Starts the daemon's program, detached, and waits for its answer.
 *
 * @throws CowspaceError what the program answers, or `internal` when it ends without an answer
 */
export async function runTask<N extends TaskName>(
  script: string,
  task: N,
  ...args: string[]
): Promise<z.output<(typeof tasks)[N]>> {
  const child = spawn(process.execPath, [script, task, ...args], {
    detached: true,
    cwd: '/',
    env: daemonEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const answer = answerSchema.parse(await firstMessage(child));
  child.disconnect();
  child.stderr?.destroy();
  // Until it has ended, it may hold the lock of the workspace.
  const stays = task === 'serve' && 'result' in answer;
  if (!stays && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  child.unref();
  if ('error' in answer) throw fromErrorMessage(answer.error);
  return tasks[task].parse(answer.result) as z.output<(typeof tasks)[N]>;
}

function daemonEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  // A debugger's options are meant for processes that end before it does.
  delete env['NODE_OPTIONS'];
  if (process.versions['electron'] !== undefined) env['ELECTRON_RUN_AS_NODE'] = '1';
  return env;
}

function firstMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('message', resolve);
    child.once('error', (error) => {
      reject(new CowspaceError('internal', `The daemon could not be started: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      reject(
        new CowspaceError(
          'internal',
          `The daemon ended at once (${signal ?? `exit code ${code}`}).\n${output}`.trim(),
        ),
      );
    });
  });
}
