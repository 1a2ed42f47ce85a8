import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientConnection, Handlers } from '../../../src/daemon/clientConnection';
import { Log } from '../../../src/daemon/log';
import { MAX_CLIENTS, RpcServer } from '../../../src/daemon/rpcServer';
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

  /** A client that does not read, and what sends its requests. */
  function deafClient(): { deaf: Socket; ask: (id: number, method: string, params: object) => void } {
    const deaf = createConnection(socket).pause();
    deaf.on('error', () => undefined);
    const ask = (id: number, method: string, params: object): void => {
      const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
      deaf.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
    };
    ask(0, methods.hello.name, { protocolVersion: PROTOCOL_VERSION, client: 'deaf' });
    return { deaf, ask };
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

  it('have few answers worked out for one that does not read them, and none forgotten', async () => {
    let worked = 0;
    const base64 = 'x'.repeat(1 << 20);
    await serve({
      info: () => Promise.reject(new CowspaceError('internal', 'No.')),
      read: () => {
        worked++;
        return Promise.resolve({ base64, eof: true });
      },
    });
    const { deaf, ask } = deafClient();
    for (let id = 1; id <= 100; id++)
      ask(id, methods.read.name, { path: '', side: 'base', offset: 0, length: 1 });
    await until('it answers', () => worked > 0);
    const other = await connect();
    for (let i = 0; i < 100; i++) await rejectsWith('internal', other.request(methods.info, {}));
    assert(worked < 20, `${worked} answers for nobody`);
    let bytes = 0;
    deaf.on('data', (chunk) => (bytes += chunk.length)).resume();
    await until('all is answered', () => worked === 100 && bytes > 100 * base64.length);
    deaf.destroy();
  });

  const longText = 'x'.repeat(8 << 20);

  /** Part of a file, too long for a client that does not read. @param written called when it is made a message */
  function answer(written: () => void): { base64: string; eof: boolean; toJSON: () => unknown } {
    const plain = { base64: longText, eof: true };
    const toJSON = (): unknown => {
      written();
      return plain;
    };
    return { ...plain, toJSON };
  }

  it('write out few long answers for one that does not read them', async () => {
    let worked = 0;
    let written = 0;
    await serve({
      info: () => Promise.reject(new CowspaceError('internal', 'No.')),
      read: () => {
        worked++;
        return Promise.resolve(answer(() => written++));
      },
    });
    const { deaf, ask } = deafClient();
    const params = { path: '', side: 'base', offset: 0, length: 1 };
    ask(1, methods.read.name, params);
    await until('it answers', () => written === 1);
    for (let id = 2; id <= 40; id++) ask(id, methods.read.name, params);
    const other = await connect();
    for (let i = 0; i < 100; i++) await rejectsWith('internal', other.request(methods.info, {}));
    assert.deepEqual({ worked, written }, { worked: 1, written: 1 });
    let bytes = 0;
    deaf.on('data', (chunk) => (bytes += chunk.length)).resume();
    await until('all is answered', () => written === 40 && bytes > 40 * longText.length);
    deaf.destroy();
  });

  it('write out one long answer at a time, of those that were asked for at once', async () => {
    let written = 0;
    await serve({
      info: () => Promise.reject(new CowspaceError('internal', 'No.')),
      read: async () => {
        await sleep(20);
        return answer(() => written++);
      },
    });
    const { deaf, ask } = deafClient();
    const params = { path: '', side: 'base', offset: 0, length: 1 };
    for (let id = 1; id <= 10; id++) ask(id, methods.read.name, params);
    await until('it answers', () => written > 0);
    const other = await connect();
    for (let i = 0; i < 100; i++) await rejectsWith('internal', other.request(methods.info, {}));
    assert.equal(written, 1);
    deaf.destroy();
  });

  it('are not too many: one more is told so, and the others go on', async () => {
    await serve({ changes: () => Promise.resolve(list(7)) });
    const first = await connect();
    for (let i = 1; i < MAX_CLIENTS; i++) await connect();
    await assert.rejects(DaemonClient.connect(socket), { code: 'internal', message: /clients already/ });
    assert.equal((await first.request(methods.changes, {})).revision, 7);
    clients.pop()!.dispose();
    await until('the server knows', () => disconnected === 2);
    await connect();
    let closed = 0;
    for (const mute of Array.from({ length: 3 * MAX_CLIENTS }, () => createConnection(socket)))
      mute.on('error', () => undefined).on('close', () => closed++);
    await until('those that say nothing are no more either', () => closed === 2 * MAX_CLIENTS);
    assert.equal((await first.request(methods.changes, {})).revision, 7);
  });

  it('read nothing from one that has too much unanswered, then go on', async () => {
    const count = 40_000;
    let worked = 0;
    let work: () => void = () => undefined;
    const allowed = new Promise<void>((resolve) => (work = resolve));
    await serve({
      info: () => Promise.reject(new CowspaceError('internal', 'No.')),
      refresh: async () => {
        await allowed;
        worked++;
        return list(0);
      },
    });
    const { deaf, ask } = deafClient();
    let asked = 0;
    const more = (): void => {
      for (const end = Math.min(asked + 100, count); asked < end;) ask(++asked, methods.refresh.name, {});
      if (asked < count) deaf.write('', more);
    };
    more();
    const other = await connect();
    for (let before = -1; before !== asked;) {
      before = asked;
      await rejectsWith('internal', other.request(methods.info, {}));
      await sleep(200);
    }
    assert(asked < count, 'all was taken');
    deaf.resume();
    work();
    await until('all is answered', () => worked === count);
    deaf.destroy();
  });

  it('do not begin what is cancelled before its turn', async () => {
    let begun = 0;
    await serve({
      commit: async (_, { signal }) => {
        begun++;
        while (!signal.aborted) await sleep(5);
        throw new CowspaceError('cancelled', 'Cancelled.');
      },
    });
    const client = await connect();
    const aborts = Array.from({ length: 100 }, () => new AbortController());
    const answers = aborts.map(({ signal }) =>
      rejectsWith('cancelled', client.request(methods.commit, {}, { signal })),
    );
    await until('some are at work', () => begun > 0);
    for (const abort of aborts.reverse()) abort.abort();
    await Promise.all(answers);
    assert(begun < 20, `${begun} were begun`);
  });

  it('part over a message that is too long, once it is announced, and over one whose header has no end', async () => {
    await serve({});
    const huge = createConnection(socket);
    huge.write(`Content-Length: ${1 << 30}\r\n\r\n`);
    await once(huge, 'close');
    assert.match(
      readFileSync(join(directory, 'log'), 'utf8'),
      /message of 1073741824 bytes is longer than 67108864/,
    );
    const endless = createConnection(socket);
    endless.on('error', () => undefined);
    const more = (error?: Error | null): void => {
      if (error == null) endless.write('X-Header: x\r\n', more);
    };
    more();
    await new Promise((resolve) => endless.once('close', resolve));
    assert.match(readFileSync(join(directory, 'log'), 'utf8'), /header of a message has no end/);
  });

  it('understand messages in whatever pieces they come', async () => {
    await serve({ changes: () => Promise.resolve(list(7)) });
    const client = createConnection(socket);
    const hello = { protocolVersion: PROTOCOL_VERSION, client: 'é'.repeat(5000) };
    const sent = Buffer.concat(
      [
        { id: 'a', method: methods.hello.name, params: hello },
        { id: 2, method: methods.changes.name, params: {} },
      ].map((message) => {
        const body = JSON.stringify({ jsonrpc: '2.0', ...message });
        return Buffer.from(`X-Header: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      }),
    );
    let heard = '';
    client.setEncoding('utf8').on('data', (text: string) => (heard += text));
    for (let at = 0; at < sent.length; at += 7) client.write(sent.subarray(at, at + 7));
    await until('both are answered', () => heard.includes('"id":"a"') && heard.includes('"revision":7'));
    client.destroy();
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
    await until('something is logged', () => existsSync(join(directory, 'log')));
    const warnings = readFileSync(join(directory, 'log'), 'utf8').match(/(?<=warn +)\S.*/g);
    assert.deepEqual(warnings, ['unknown client: Error: The client did not hang up.']);
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
