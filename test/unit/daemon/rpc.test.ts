import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientConnection, Handlers } from '../../../src/daemon/clientConnection';
import { Log } from '../../../src/daemon/log';
import { RpcServer } from '../../../src/daemon/rpcServer';
import { DaemonClient } from '../../../src/protocol/client';
import { CowspaceError, type ErrorCode } from '../../../src/protocol/errors';
import { type ChangeDelta, type ChangeList, PROTOCOL_VERSION } from '../../../src/protocol/messages';
import { methods } from '../../../src/protocol/methods';
import { until } from '../../support/until';

const totals = { changed: 0, created: 0, whiteout: 0, renamed: 0, metadata: 0, storedBytes: 0 };

function list(revision: number): ChangeList {
  return { revision, changes: [], totals };
}

function delta(revision: number, removed: string[] = []): ChangeDelta {
  return { revision, upserted: [], removed, totals };
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

describe('client and server', () => {
  let directory: string;
  let socket: string;
  let server: RpcServer;
  let clients: DaemonClient[];
  let disconnected: number;

  const silent = Object.fromEntries(
    Object.keys(methods)
      .filter((key) => key !== 'hello')
      .map((key) => [key, () => Promise.reject(new Error(`This test does not expect ${key}.`))]),
  ) as unknown as Handlers;

  async function serve(handlers: Partial<Handlers>): Promise<void> {
    server = await RpcServer.listen(socket, {
      handlers: { ...silent, ...handlers },
      log: new Log(join(directory, 'log')),
      disconnected: () => disconnected++,
    });
  }

  async function connect(): Promise<DaemonClient> {
    const client = await DaemonClient.connect(socket);
    clients.push(client);
    return client;
  }

  async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
    await assert.rejects(promise, (error) => error instanceof CowspaceError && error.code === code);
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cow-rpc-'));
    socket = join(directory, 'run/socket');
    clients = [];
    disconnected = 0;
  });

  afterEach(async () => {
    for (const client of clients) client.dispose();
    await server.close();
    rmSync(directory, { recursive: true });
  });

  it('talk, with errors that keep their codes', async () => {
    const conflicts = [{ path: 'a', reason: 'It moved.' }];
    await serve({
      changes: () => Promise.resolve(list(7)),
      commit: () => Promise.reject(new CowspaceError('conflict', 'No.', { conflicts })),
      diff: () => Promise.reject(new TypeError('oops')),
    });
    const client = await connect();
    assert.equal(client.pid, process.pid);
    assert.equal((await client.request(methods.changes, {})).revision, 7);
    await assert.rejects(client.request(methods.commit, {}), { code: 'conflict', message: 'No.', conflicts });
    await assert.rejects(client.request(methods.diff, {}), { code: 'internal', message: 'oops' });
    client.dispose();
    await rejectsWith('not-mounted', client.request(methods.changes, {}));
    await until('the server knows', () => disconnected === 1);
  });

  it('replace a socket that was left over, and leave none', async () => {
    mkdirSync(join(directory, 'run'), { mode: 0o700 });
    await rejectsWith('not-mounted', DaemonClient.connect(socket));
    await serve({});
    const first = server;
    await serve({});
    await connect();
    await first.close();
    await server.close();
    assert(!existsSync(socket));
  });

  it('report progress and cancel', async () => {
    let begun = 0;
    let aborted = 0;
    await serve({
      commit: async (_, { signal, onProgress }) => {
        begun++;
        onProgress({ done: 1, total: 2 });
        while (!signal.aborted) await sleep(5);
        aborted++;
        throw new CowspaceError('cancelled', 'Cancelled.');
      },
    });
    const client = await connect();
    const abort = new AbortController();
    const progress: number[] = [];
    const onProgress = ({ done }: { done: number }): void => {
      progress.push(done);
      abort.abort();
    };
    await rejectsWith('cancelled', client.request(methods.commit, {}, { onProgress, signal: abort.signal }));
    assert.deepEqual(progress, [1]);
    await rejectsWith('cancelled', client.request(methods.commit, {}, { signal: abort.signal }));
    assert.equal(aborted, 1);
    const left = client.request(methods.commit, {});
    await until('the daemon is at work', () => begun === 2);
    client.dispose();
    await rejectsWith('not-mounted', left);
    await until('the work of a client that is gone is cancelled', () => aborted === 2);
  });

  it('tell of changes only after the list from which the client starts', async () => {
    const subscribers: ClientConnection[] = [];
    await serve({
      subscribe: (_, { client }) => {
        subscribers.push(client);
        return client.tellAfter(async () => {
          client.tell(delta(1));
          await sleep(20);
          client.tell(delta(2));
          setImmediate(() => client.tell(delta(3)));
          return list(2);
        });
      },
    });
    const client = await connect();
    const told: number[] = [];
    client.onDidChange(({ revision }) => told.push(revision));
    const start = await client.request(methods.subscribe, {});
    told.push(-start.revision);
    await until('the next change is told', () => told.length === 2);
    subscribers[0]!.tell(delta(4));
    await until('the next change is told', () => told.length === 3);
    assert.deepEqual(told, [-2, 3, 4]);
  });

  it('leave out changes for a client that does not keep up, but not the last', async () => {
    let subscriber: ClientConnection | undefined;
    await serve({
      subscribe: (_, { client }) => {
        subscriber = client;
        return Promise.resolve(list(0));
      },
    });
    const client = await connect();
    const told: number[] = [];
    client.onDidChange(({ revision }) => told.push(revision));
    await client.request(methods.subscribe, {});
    const large = Array.from({ length: 10_000 }, (_, i) => `${'x'.repeat(50)}${i}`);
    for (let revision = 1; revision <= 100; revision++) subscriber!.tell(delta(revision, large));
    await until('the last change is told', () => told.at(-1) === 100);
    assert(told.length < 10, `${told.length} were told`);
  });

  it('exchange what is still to be said before the end', async () => {
    const answer = { stopped: true };
    await serve({ shutdown: () => Promise.resolve(answer) });
    const client = await connect();
    const closed = new Promise<void>((resolve) => client.onClose(resolve));
    const mute = createConnection(socket);
    await new Promise((resolve) => mute.once('connect', resolve));
    const asked = client.request(methods.shutdown, {});
    await sleep(20);
    await server.close();
    assert.deepEqual(await asked, answer);
    await closed;
    assert(client.closed);
  });

  it('keep nothing waiting when one hangs up in the middle of a message', async () => {
    await serve({});
    const before = timers();
    const client = createConnection(socket);
    client.end('Content-Length: 100\r\n\r\n{');
    await once(client, 'close');
    await until('no timer is left', () => timers() === before);
  });

  it('part when what one says makes no sense', async () => {
    await serve({ changes: () => Promise.resolve({ revision: 'x' } as unknown as ChangeList) });
    const client = await connect();
    await rejectsWith('internal', client.request(methods.changes, {}));
    const rude = createConnection(socket);
    rude.write('rubbish\r\n\r\n');
    await new Promise((resolve) => rude.once('close', resolve));
    assert.equal(PROTOCOL_VERSION, 1);
  });
});
