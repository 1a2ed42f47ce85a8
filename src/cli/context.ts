import type { DaemonClient } from '../protocol/client';
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
