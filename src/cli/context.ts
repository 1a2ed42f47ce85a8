import type { z } from 'zod';
import type { DaemonClient } from '../protocol/client';
import type { Method } from '../protocol/methods';
import type { Workspaces } from '../protocol/workspaces';
import type { Terminal } from './terminal';

/** What every command works with. */
export interface Context {
  readonly workspaces: Workspaces;
  readonly terminal: Terminal;
  /** Whether the output is for programs. */
  readonly json: boolean;
}

/** Says what came out: as JSON when that is asked for, else as text. */
export function print({ json, terminal }: Context, result: unknown, text: () => string): void {
  terminal.write(json ? JSON.stringify(result, null, 2) : text());
}

/** Talks to the daemon of a mounted workspace. @throws CowspaceError `not-found`, `not-mounted` */
export async function withDaemon<T>(
  { workspaces }: Context,
  name: string,
  use: (client: DaemonClient) => Promise<T>,
): Promise<T> {
  const client = await workspaces.connect(name, 'cli');
  try {
    return await use(client);
  } finally {
    client.dispose();
  }
}

/** Makes a request that may take long: shows how far it is, and cancels it on an interrupt from the terminal. */
export async function requestLong<P extends z.ZodType, R extends z.ZodType>(
  { terminal }: Context,
  client: DaemonClient,
  method: Method<P, R>,
  params: z.input<P>,
): Promise<z.output<R>> {
  const abort = new AbortController();
  const interrupt = (): void => {
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  try {
    return await client.request(method, params, {
      signal: abort.signal,
      onProgress: ({ done, total }) => {
        terminal.progress(`${done} of ${total}`);
      },
    });
  } finally {
    process.off('SIGINT', interrupt);
    terminal.progress('');
  }
}
