import { strict as assert } from 'node:assert';
import {
  chmodSync,
  close,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createMessageConnection,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { DaemonClient } from '../../src/protocol/client';
import { CowspaceError } from '../../src/protocol/errors';
import { findHome, socketPath } from '../../src/protocol/home';
import { type ChangeDelta, PROTOCOL_VERSION, type WorkspaceInfo } from '../../src/protocol/messages';
import { methods } from '../../src/protocol/methods';
import { Workspaces } from '../../src/protocol/workspaces';
import { runChecked } from '../support/command';
import { mountDrivers } from '../support/drivers';
import { mountsBelow } from '../support/mounts';
import { untilEnded } from '../support/processes';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { currentUser, projectDirectory } from '../support/users';

/** How much memory a process has, bytes. */
function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

for (const driver of mountDrivers) {
  describe(`daemon with the driver ${driver}`, () => {
    const sandbox = useSandbox('test', currentUser, driver);
    const clients: DaemonClient[] = [];
    let base: string;

    beforeEach(() => {
      base = sandbox().directory('base');
      writeFileSync(`${base}/file`, 'base\n');
    });

    afterEach(() => {
      for (const client of clients.splice(0)) client.dispose();
    });

    function create(...args: string[]): Promise<WorkspaceInfo> {
      return sandbox().cowspace.json([
        'create',
        base,
        '--name',
        'a',
        '--mount',
        sandbox().path('m'),
        ...args,
      ]);
    }

    function workspaces(): Workspaces {
      return new Workspaces(findHome(sandbox().cowspace.environment), `${projectDirectory}/dist/daemon.js`);
    }

    async function connect(): Promise<DaemonClient> {
      const client = await workspaces().connect('a', 'test');
      clients.push(client);
      return client;
    }

    function socket(): string {
      return socketPath(findHome(sandbox().cowspace.environment), 'a');
    }

    describe('protocol', () => {
      /** A connection that may break the rules. */
      async function connectRaw(): Promise<MessageConnection> {
        const stream = createConnection(socket());
        await new Promise((resolve) => stream.once('connect', resolve));
        const connection = createMessageConnection(
          new StreamMessageReader(stream),
          new StreamMessageWriter(stream),
        );
        connection.onClose(() => connection.dispose());
        connection.listen();
        return connection;
      }

      async function codeOf(answer: Promise<unknown>): Promise<unknown> {
        return answer.then(
          () => 'no error',
          (error: unknown) =>
            error instanceof ResponseError
              ? ((error.data as { code?: string } | undefined)?.code ?? error.message)
              : String(error),
        );
      }

      it('listens for its owner alone', async () => {
        await create();
        assert.equal(statSync(socket()).mode & 0o777, 0o600);
        assert.equal(statSync(dirname(socket())).mode & 0o777, 0o700);
        await sandbox().cowspace.json(['unmount', 'a']);
        assert.deepEqual(readdirSync(dirname(socket())), []);
        chmodSync(dirname(socket()), 0o750);
        const { stderr } = await sandbox().cowspace.run(['mount', 'a', '--json']);
        assert.match(stderr, /"unsupported"/);
        assert.deepEqual(mountsBelow(sandbox().root), []);
      });

      it('wants a greeting first, of its own version', async () => {
        await create();
        const connection = await connectRaw();
        assert.equal(await codeOf(connection.sendRequest(methods.changes.name, {})), 'usage');
        const hello = { protocolVersion: PROTOCOL_VERSION + 1, client: 'test' };
        assert.equal(await codeOf(connection.sendRequest(methods.hello.name, hello)), 'unsupported');
        assert.equal(await codeOf(connection.sendRequest(methods.changes.name, {})), 'usage');
        connection.dispose();
      });

      it('refuses parameters of the wrong form', async () => {
        await create();
        const connection = await connectRaw();
        await connection.sendRequest(methods.hello.name, {
          protocolVersion: PROTOCOL_VERSION,
          client: 'test',
        });
        assert.equal(await codeOf(connection.sendRequest(methods.commit.name, { paths: 'x' })), 'usage');
        const tooMuch = { path: 'file', side: 'base', offset: 0, length: 1 << 30 };
        assert.equal(await codeOf(connection.sendRequest(methods.read.name, tooMuch)), 'usage');
        assert.equal(await codeOf(connection.sendRequest('no/such', {})), 'usage');
        connection.dispose();
      });

      it('survives clients that send rubbish, say nothing, or do not read', async () => {
        const { mount } = await create();
        createConnection(socket()).end('rubbish\r\n\r\n{]');
        createConnection(socket());
        const deaf = createConnection(socket());
        deaf.on('error', () => undefined);
        const greet = (id: number, method: string, params: object): void => {
          const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
          deaf.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
        };
        deaf.pause();
        greet(1, methods.hello.name, { protocolVersion: PROTOCOL_VERSION, client: 'deaf' });
        greet(2, methods.subscribe.name, {});
        const client = await connect();
        await client.request(methods.subscribe, {});
        for (let i = 0; i < 20; i++) {
          const told = nextChange(client);
          for (let j = 0; j < 200; j++) writeFileSync(`${mount}/${'n'.repeat(100)}-${i}-${j}`, '');
          await told;
        }
        await until('all changes are told', async () => {
          const { changes } = await client.request(methods.changes, {});
          return changes.length === 4000;
        });
        deaf.destroy();
        await sandbox().cowspace.json(['unmount', 'a']);
      });

      it('stays small, and answers others, when one sends requests without end and reads no answers', async () => {
        writeFileSync(`${base}/large`, Buffer.alloc(1 << 20, 'x'));
        const { mount, pid } = await create();
        const client = await connect();
        const large = { path: 'large', side: 'base', offset: 0, length: 1 << 20 } as const;
        for (let i = 0; i < 32; i++) await client.request(methods.read, large);
        const before = residentBytes(pid!);
        const deaf = createConnection(socket()).pause();
        deaf.on('error', () => undefined);
        const send = (id: number, method: string, params: object): void => {
          const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
          deaf.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
        };
        send(0, methods.hello.name, { protocolVersion: PROTOCOL_VERSION, client: 'deaf' });
        for (let id = 1; id <= 600; id++) send(id, methods.read.name, large);
        for (let i = 0; i < 200; i++) {
          writeFileSync(`${mount}/file`, `${i}`);
          const stat = await client.request(methods.stat, { path: 'file', side: 'scratch' });
          assert.equal(stat?.size, `${i}`.length);
          await client.request(methods.changes, {});
        }
        const grown = residentBytes(pid!) - before;
        assert(grown < 256 << 20, `${grown >> 20} MiB more`);
        deaf.destroy();
        await sandbox().cowspace.json(['unmount', 'a']);
      });

      it('reads both sides of a change', async () => {
        const { mount } = await create();
        writeFileSync(`${mount}/file`, 'changed\n');
        const client = await connect();
        const read = async (side: 'base' | 'scratch'): Promise<string> => {
          const { base64, eof } = await client.request(methods.read, {
            path: 'file',
            side,
            offset: 0,
            length: 100,
          });
          assert(eof);
          return Buffer.from(base64, 'base64').toString();
        };
        assert.deepEqual([await read('base'), await read('scratch')], ['base\n', 'changed\n']);
        const stat = await client.request(methods.stat, { path: 'file', side: 'base' });
        assert.deepEqual([stat?.type, stat?.size, stat?.diskPath], ['file', 5, `${base}/file`]);
        assert.equal(await client.request(methods.stat, { path: 'none', side: 'scratch' }), null);
      });
    });

    describe('changes', () => {
      it('are told at once, and when they are gone', async () => {
        const { mount } = await create();
        const client = await connect();
        const start = await client.request(methods.subscribe, {});
        assert.deepEqual(start.changes, []);
        const latencies: number[] = [];
        for (const content of ['1', '22', 'base\n']) {
          const told = nextChange(client);
          const wroteAt = performance.now();
          writeFileSync(`${mount}/file`, content);
          const delta = await told;
          latencies.push(performance.now() - wroteAt);
          assert.deepEqual(content === 'base\n' ? delta.removed : delta.upserted.map(({ path }) => path), [
            'file',
          ]);
        }
        console.log(`      told after ${latencies.map(Math.round).join(', ')} ms`);
      });

      it('are told again when a file is written again, although it keeps its size', async () => {
        const { mount } = await create();
        const client = await connect();
        await client.request(methods.subscribe, {});
        const first = untilChange(client, ({ upserted }) => upserted[0]?.size === 1);
        writeFileSync(`${mount}/file`, '1');
        const { mtime } = (await first).upserted[0]!;
        const second = untilChange(client, ({ upserted }) => upserted[0]!.mtime > mtime + 100);
        await sleep(200);
        writeFileSync(`${mount}/file`, '2', { flag: 'r+' });
        assert.deepEqual(
          (await second).upserted.map(({ path, size }) => [path, size]),
          [['file', 1]],
        );
      });

      it('are told to who watches while another commits and discards', async () => {
        const { mount } = await create();
        const watcher = await connect();
        await watcher.request(methods.subscribe, {});
        const actor = await connect();
        writeFileSync(`${mount}/new`, '');
        await actor.request(methods.changes, {});
        const gone = untilChange(watcher, (delta) => delta.removed.includes('new'));
        await actor.request(methods.commit, {});
        await gone;
        writeFileSync(`${mount}/file`, 'x');
        await actor.request(methods.changes, {});
        const restored = untilChange(watcher, (delta) => delta.removed.includes('file'));
        await actor.request(methods.discard, {});
        await restored;
      });

      // With the other driver ten thousand take five times as long to write.
      const directories = driver === 'kernel' ? 100 : 20;
      const count = directories * 100;

      it(`may be ${count}`, async () => {
        const { mount } = await create();
        const client = await connect();
        let revision = (await client.request(methods.subscribe, {})).revision;
        const paths = new Set<string>();
        client.onDidChange((delta) => {
          assert.equal(delta.revision, ++revision);
          for (const { path } of delta.upserted) paths.add(path);
        });
        const script = `for d in $(seq ${directories}); do mkdir $d; cd $d; for f in $(seq 99); do echo > $f; done; cd ..; done`;
        await runChecked('sh', ['-euc', script], { cwd: mount });
        const wroteAt = performance.now();
        await until('all changes are told', () => paths.size === count);
        const lag = performance.now() - wroteAt;
        const askedAt = performance.now();
        const { changes, totals } = await client.request(methods.changes, {});
        const listing = performance.now() - askedAt;
        assert.deepEqual([changes.length, totals.created], [count, count]);
        console.log(`      last told after ${Math.round(lag)} ms, listed in ${Math.round(listing)} ms`);
      });

      it('include what programs have written but not closed', async () => {
        const { mount } = await create();
        const fd = openSync(`${mount}/file`, 'r+');
        try {
          writeSync(fd, 'open');
          const { files } = await sandbox().cowspace.diff('a');
          assert.match(files[0]!.patch!, /^\+open$/m);
          writeSync(fd, '!');
          await sandbox().cowspace.commit('a');
          assert.equal(readFileSync(`${base}/file`, 'utf8'), 'open!');
        } finally {
          closeSync(fd);
        }
      });

      it('are gone at once for programs after a discard', async () => {
        const { mount } = await create();
        writeFileSync(`${mount}/file`, 'changed\n');
        writeFileSync(`${mount}/new`, '');
        mkdirSync(`${mount}/dir`);
        assert.deepEqual(readdirSync(mount).sort(), ['dir', 'file', 'new']);
        assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'changed\n');
        await sandbox().cowspace.discard('a');
        assert.deepEqual(readdirSync(mount), ['file']);
        assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'base\n');
      });
    });

    describe('long work', () => {
      const FILES = 1500;

      it('reports progress, leaves the mount usable, and can be cancelled', async () => {
        const { mount } = await create();
        for (let i = 0; i < FILES; i++) writeFileSync(`${mount}/${i}`, 'x'.repeat(1000));
        const client = await connect();
        const abort = new AbortController();
        const seen: number[] = [];
        const commit = client.request(
          methods.commit,
          {},
          {
            signal: abort.signal,
            onProgress: ({ done, total }) => {
              assert.equal(total, FILES);
              seen.push(done);
              if (seen.length === 3) abort.abort();
            },
          },
        );
        let answered = 0;
        const outcome = commit.then(
          () => 'done',
          (error: unknown) => (error instanceof CowspaceError ? error.code : error),
        );
        for (;;) {
          await runChecked('stat', [`${mount}/file`]);
          if ((await Promise.race([outcome, sleep(1)])) !== undefined) break;
          answered++;
        }
        assert.equal(await outcome, 'cancelled');
        assert(answered > 0, 'the mount did not answer meanwhile');
        const { changes } = await client.request(methods.changes, {});
        assert(changes.length > 0 && changes.length < FILES, `${changes.length} changes are left`);
        assert.equal(readdirSync(base).length - 1, FILES - changes.length);
        assert.equal(readdirSync(mount).length - 1, FILES);
      });

      it('is not torn by an unmount, unless that is forced, and blocks nobody', async () => {
        const { mount } = await create();
        for (let i = 0; i < FILES; i++) writeFileSync(`${mount}/${i}`, 'x'.repeat(10_000));
        const client = await connect();
        let begin = (): void => undefined;
        const begun = new Promise<void>((resolve) => (begin = resolve));
        const commit = client.request(methods.commit, {}, { onProgress: () => begin() });
        const outcome = commit.then(
          () => 'done',
          (error: unknown) => (error instanceof CowspaceError ? error.code : error),
        );
        await begun;
        assert.equal((await client.request(methods.stat, { path: 'file', side: 'base' }))?.size, 5);
        await assert.rejects(workspaces().unmount('a'), { code: 'busy' });
        await workspaces().unmount('a', { force: true });
        assert.match(String(await outcome), /cancelled|not-mounted/);
        await sandbox().cowspace.json(['mount', 'a']);
        const { changes } = await sandbox().cowspace.status('a');
        assert(changes.length > 0);
        assert.equal(readdirSync(base).filter((name) => name !== 'file').length, FILES - changes.length);
      });

      it('ends for a client that is gone', async () => {
        const { mount } = await create();
        for (let i = 0; i < FILES; i++) writeFileSync(`${mount}/${i}`, '');
        const client = await connect();
        const commit = client.request(
          methods.commit,
          {},
          {
            onProgress: () => {
              client.dispose();
            },
          },
        );
        await assert.rejects(commit, (error: CowspaceError) => error.code === 'not-mounted');
        const left = (await (await connect()).request(methods.changes, {})).changes.length;
        await sleep(200);
        assert(left > 0);
        assert.equal((await (await connect()).request(methods.changes, {})).changes.length, left);
      });
    });

    describe('life', () => {
      it('ends when it is told to by a signal, also when the mount is in use', async () => {
        const { mount, pid } = await create();
        writeFileSync(`${mount}/new`, 'x');
        process.kill(pid!, 'SIGTERM');
        await untilEnded([pid!]);
        assert.deepEqual(mountsBelow(sandbox().root), []);
        const again = await sandbox().cowspace.json<WorkspaceInfo>(['mount', 'a']);
        const fd = openSync(`${mount}/new`, 'r+');
        writeSync(fd, 'y');
        process.kill(again.pid!, 'SIGTERM');
        await untilEnded([again.pid!]);
        // Some kernels report here that the file system is gone.
        await new Promise((resolve) => close(fd, resolve));
        assert.deepEqual(mountsBelow(sandbox().root), []);
        await sandbox().cowspace.json(['mount', 'a']);
        assert.equal(readFileSync(`${mount}/new`, 'utf8'), 'y');
      });

      it('ends when it is unmounted from outside, and tells its clients', async () => {
        const { mount, pid } = await create();
        writeFileSync(`${mount}/new`, 'x');
        const client = await connect();
        const closed = new Promise<void>((resolve) => client.onClose(resolve));
        await runChecked('umount', [mount]);
        await closed;
        await untilEnded([pid!]);
        const [info] = await sandbox().cowspace.list();
        assert.deepEqual([info!.mounted, info!.pid, info!.storedBytes], [false, null, 4096]);
      });

      it('can be ended by force when it does not answer', async () => {
        const { mount, pid } = await create();
        writeFileSync(`${mount}/new`, 'x');
        process.kill(pid!, 'SIGSTOP');
        const [[info], { stderr }] = await Promise.all([
          sandbox().cowspace.list(),
          sandbox().cowspace.run(['unmount', 'a']),
        ]);
        assert.deepEqual([info!.mounted, info!.pid], [true, pid]);
        assert.match(stderr, /does not answer.*by force/);
        await sandbox().cowspace.json(['unmount', 'a', '--force']);
        assert.deepEqual(mountsBelow(sandbox().root), []);
        await sandbox().cowspace.json(['mount', 'a']);
        assert.equal(readFileSync(`${mount}/new`, 'utf8'), 'x');
      });

      it('is one for each workspace, however many want it', async () => {
        await create();
        await sandbox().cowspace.json(['unmount', 'a']);
        const mounts = [1, 2, 3].map(() => sandbox().cowspace.json<WorkspaceInfo>(['mount', 'a']));
        const pids = (await Promise.all(mounts)).map(({ pid }) => pid);
        assert.equal(new Set(pids).size, 1);
        assert.equal(mountsBelow(sandbox().root).length, 1);
      });

      it('refuses a mount point where another workspace is mounted', async () => {
        const { mount } = await create();
        const { stderr } = await sandbox().cowspace.run(['create', base, '--mount', mount, '--json']);
        assert.match(stderr, /"in-use"/);
      });

      it('writes a log', async () => {
        await create();
        await sandbox().cowspace.json(['unmount', 'a']);
        const { lines } = await sandbox().cowspace.json<{ lines: string[] }>(['logs', 'a']);
        assert.match(lines[0]!, /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}Mounted .* \(process \d+\)\.$/);
        assert.match(lines.at(-1)!, /Unmounted\.$/);
      });
    });
  });
}

function nextChange(client: DaemonClient): Promise<ChangeDelta> {
  return untilChange(client, () => true);
}

async function untilChange(
  client: DaemonClient,
  matches: (delta: ChangeDelta) => boolean,
): Promise<ChangeDelta> {
  return new Promise((resolve) => {
    const listener = client.onDidChange((delta) => {
      if (!matches(delta)) return;
      listener.dispose();
      resolve(delta);
    });
  });
}
