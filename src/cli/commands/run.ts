import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CowspaceError, failedWith } from '../../protocol/errors';
import type { WorkspaceInfo } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { changeLines, summary } from '../changes';
import { command } from '../command';
import { type Context, withDaemon } from '../context';
import { findOnPath } from '../programs';
import { path } from '../text';
import { creationOptions, parseOptional } from './create';

/** The exit codes of shells for a command that is not there, or cannot be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

export const run = command({
  name: 'run',
  summary: 'run a command in a fresh workspace, then show what it changed',
  details:
    'The exit code is that of the command. A workspace in which nothing changed is removed again. With --json the ' +
    'output of the command goes to standard error.',
  arguments: {
    base: { description: 'the folder to start from', count: 'one', completes: ['directory'] },
    command: {
      description: 'what to run in it, after --',
      count: 'many',
      completes: ['command', 'file'],
    },
  },
  options: { name: creationOptions.name, deltaThreshold: creationOptions.deltaThreshold },
  run: async (context, { base, command }, { name, deltaThreshold }) => {
    const info = await context.workspaces.create({
      bases: [base],
      name,
      deltaThreshold: parseOptional(deltaThreshold),
    });
    const exitCode = await runIn(info.mount, command, context);
    const { changes, totals } = await withDaemon(context, info.name, (client) =>
      client.request(methods.changes, {}),
    );
    const removed = changes.length === 0 && (await tryRemove(context, info.name));
    if (context.json) {
      const { name, mount } = info;
      context.terminal.write(JSON.stringify({ name, mount, removed, exitCode, changes, totals }, null, 2));
    } else {
      context.terminal.note(changeLines(changes, context.terminal) + summary(totals));
      context.terminal.note(removed ? '' : advice(info));
    }
    return exitCode;
  },
});

/** Runs a command to its end. An interrupt from the terminal reaches it directly, and ends only it. */
async function runIn(mount: string, [program, ...args]: string[], context: Context): Promise<number> {
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(program!, args, {
        cwd: mount,
        env: { ...process.env, PWD: mount },
        stdio: ['inherit', context.json ? process.stderr : 'inherit', 'inherit'],
      });
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve(signal === null ? code! : 128 + constants.signals[signal]);
      });
    });
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'EACCES')) throw error;
    context.terminal.note(`cowspace: ${program!} cannot be run: ${error.message}`);
    // The search along the PATH fails with EACCES too where one of its folders may not be entered.
    const found = program!.includes('/')
      ? failedWith(error, 'EACCES')
      : (await findOnPath(program!)) !== null;
    return found ? NOT_EXECUTABLE : NOT_FOUND;
  } finally {
    process.off('SIGINT', ignore);
  }
}

/** What the command left running may still be at work in there. */
async function tryRemove({ workspaces }: Context, name: string): Promise<boolean> {
  try {
    await workspaces.remove(name);
    return true;
  } catch (error) {
    if (error instanceof CowspaceError && (error.code === 'busy' || error.code === 'not-empty')) return false;
    throw error;
  }
}

function advice({ name, mount, bases }: WorkspaceInfo): string {
  return [
    `The workspace ${name} is mounted at ${path(mount)}.`,
    `  cowspace diff ${name}             show the changes`,
    `  cowspace commit ${name}           write them back to ${bases.map(path).join(', ')}`,
    `  cowspace discard ${name}          take them back`,
    `  cowspace remove --force ${name}   delete the workspace`,
  ].join('\n');
}
