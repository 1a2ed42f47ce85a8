import { CowspaceError, toErrorMessage } from '../protocol/errors';
import type { TaskAnswer, TaskName } from '../protocol/launch';
import { whyNoSystemCalls } from '../sys/native';

/**
 * The daemon's program. Its first argument is one of the tasks of `protocol/launch.ts`; who starts it gets one
 * message: what came out, or why nothing did.
 */

async function main([task, directory, ...rest]: string[]): Promise<number> {
  if (process.send === undefined || directory === undefined) {
    process.stderr.write('This program is started by cowspace, not by hand.\n');
    return 2;
  }
  try {
    const reason = await whyNoSystemCalls();
    if (reason !== undefined) throw new CowspaceError('incompatible', reason);
    return await perform(task as TaskName, directory, rest);
  } catch (error) {
    await answer({ error: toErrorMessage(error) });
    return 1;
  }
}

/** What makes system calls is loaded here, where it is known that it can be. */
async function perform(task: TaskName, directory: string, rest: string[]): Promise<number> {
  switch (task) {
    case 'serve':
      return serve(directory, rest[0]!);
    case 'release': {
      const { releaseWorkspace } = await import('./removal');
      await answer({ result: await releaseWorkspace(directory) });
      return 0;
    }
    case 'remove': {
      const { removeWorkspace } = await import('./removal');
      await removeWorkspace(directory, rest.includes('--force'));
      await answer({ result: {} });
      return 0;
    }
    case 'verify': {
      const { verifyWorkspace } = await import('./verification');
      await answer({ result: await verifyWorkspace(directory) });
      return 0;
    }
    case 'probe': {
      const { probe } = await import('./probe');
      await answer({ result: probe(directory) });
      return 0;
    }
  }
}

async function serve(directory: string, socket: string): Promise<number> {
  const { Daemon } = await import('./daemon');
  const daemon = await Daemon.start(directory, socket);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => void daemon.terminate(signal));
  }
  process.on('uncaughtException', (error) => {
    daemon.survive(error);
  });
  await answer({ result: { pid: process.pid } });
  return daemon.finish();
}

/** Tells who started this program, and lets go of it. That it may be gone by now is no concern. */
function answer(message: TaskAnswer): Promise<void> {
  return new Promise((resolve) => {
    process.send!(message, undefined, undefined, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
