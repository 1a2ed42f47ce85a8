import { strict as assert } from 'node:assert';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import fc from 'fast-check';
import type { DaemonClient } from '../../src/protocol/client';
import { asCowspaceError } from '../../src/protocol/errors';
import { findHome, socketPath } from '../../src/protocol/home';
import type { WorkspaceInfo } from '../../src/protocol/messages';
import { type Method, methods } from '../../src/protocol/methods';
import { Workspaces } from '../../src/protocol/workspaces';
import { runChecked, runCommand } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';
import { currentUser, ordinaryUser, projectDirectory } from '../support/users';

const NOBODY = { uid: 65534, gid: 65534 };

describe('security', () => {
  const sandbox = useSandbox();
  let base: string;

  beforeEach(() => {
    base = sandbox().directory('base');
    mkdirSync(`${base}/dir`);
    writeFileSync(`${base}/file`, 'base\n');
    writeFileSync(`${base}/dir/inner`, 'inner\n');
  });

  it('keeps other users out, unless they are let in', async function () {
    if (userInfo().uid !== 0) this.skip();
    chmodSync(sandbox().root, 0o755);
    const seenBy = async (...options: string[]): Promise<string> => {
      const mount = sandbox().path('mount');
      await sandbox().cowspace.create([base], '--name', 'a', '--mount', mount, ...options);
      chmodSync(base, 0o755);
      const { stdout, stderr } = await runCommand('cat', [`${mount}/file`], { ...NOBODY, cwd: '/' });
      await sandbox().cowspace.json(['remove', 'a']);
      return stdout + stderr;
    };
    assert.match(await seenBy(), /Permission denied/);
    assert.equal(await seenBy('--allow-other'), 'base\n');
  });

  it('lets no set-id programs and devices in from a scratch where these are forbidden', async function () {
    if (userInfo().uid !== 0) this.skip();
    const disk = sandbox().directory('disk');
    await runChecked('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev', 'disk', disk]);
    const { mount } = await sandbox().cowspace.create([base], '--scratch', `${disk}/scratch`);
    assert.match(optionsOf(mount), /nosuid,nodev/);
    assert.doesNotMatch(optionsOf((await sandbox().cowspace.create([base])).mount), /nosuid|nodev/);
  });

  it('lets no set-id programs and devices in from a scratch that it did not make', async function () {
    if (userInfo().uid !== 0) this.skip();
    chmodSync(sandbox().root, 0o755);
    chmodSync(base, 0o755);
    const scratch = sandbox().path('scratch');
    const { cowspace } = sandbox();
    const create = (): Promise<WorkspaceInfo> =>
      cowspace.create(
        [base],
        '--name',
        'a',
        '--scratch',
        scratch,
        '--allow-other',
        '--mount',
        sandbox().path('m'),
      );
    const { mount } = await create();
    copyFileSync('/usr/bin/id', `${mount}/id`);
    chmodSync(`${mount}/id`, 0o4755);
    await runChecked('mknod', ['-m', '666', `${mount}/zero`, 'c', '1', '5']);
    const attack = async (): Promise<string> => {
      const script = `cd ${mount} && ./id -u; head -c 1 zero | wc -c`;
      const { stdout } = await runCommand('sh', ['-c', script], { ...NOBODY, cwd: '/' });
      return stdout;
    };
    assert.equal(await attack(), '0\n1\n', 'they work in a scratch of its own');
    await cowspace.json(['unmount', 'a']);
    rmSync(sandbox().path('home/workspaces/a'), { recursive: true });
    await create();
    assert.match(optionsOf(mount), /nosuid,nodev/);
    assert.equal(await attack(), `${NOBODY.uid}\n0\n`);
    await cowspace.json(['unmount', 'a']);
    await cowspace.mount('a');
    assert.equal(await attack(), `${NOBODY.uid}\n0\n`, 'mounted again');
  });

  it('obeys no journal of a scratch that it did not make', async () => {
    const scratch = sandbox().path('scratch');
    const { cowspace } = sandbox();
    await cowspace.create([base], '--name', 'a', '--scratch', scratch);
    await cowspace.json(['unmount', 'a']);
    rmSync(sandbox().path('home/workspaces/a'), { recursive: true });
    for (const journal of ['commit.json', 'undo/1']) {
      writeFileSync(`${scratch}/${journal}`, '');
      const before = [snapshot(base), snapshot(scratch)];
      await assert.rejects(cowspace.create([base], '--name', 'a', '--scratch', scratch), {
        code: 'wrong-scratch',
        message: new RegExp(`delete ${journal} in the scratch`),
      });
      assert.deepEqual([snapshot(base), snapshot(scratch)], before);
      rmSync(`${scratch}/${journal}`);
    }
    await cowspace.create([base], '--name', 'a', '--scratch', scratch);
    await cowspace.json(['unmount', 'a']);
    // Its own it does obey.
    writeFileSync(`${scratch}/undo/1`, '');
    await cowspace.mount('a');
    assert(!existsSync(`${scratch}/undo/1`));
  });

  it('answers whatever a client asks, and does nothing that it should not', async function () {
    this.timeout(60_000);
    await sandbox().cowspace.create([base], '--name', 'a');
    const before = snapshot(base);
    const home = findHome(sandbox().cowspace.environment);
    const client = await new Workspaces(home, `${projectDirectory}/dist/daemon.js`).connect('a', 'fuzz');
    try {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...names), params, (name, value) => answers(client, name, value)),
        { numRuns: 1500 },
      );
      assert.deepEqual((await client.request(methods.changes, {})).changes, []);
    } finally {
      client.dispose();
    }
    assert.deepEqual(snapshot(base), before);
  });
});

for (const [who, user] of [
  ['root', currentUser],
  ['an ordinary user', ordinaryUser],
] as const) {
  describe(`what ${who} keeps, with a umask that takes nothing away,`, () => {
    const sandbox = useSandbox('test', user);

    it('is closed to others: socket, log, registry and scratch', async function () {
      if (userInfo().uid !== 0) this.skip();
      const { cowspace } = sandbox();
      const path = (name: string): string => sandbox().path(name);
      chmodSync(sandbox().root, 0o755);
      const base = sandbox().directory('base');
      const umask = process.umask(0);
      try {
        const { mount } = await cowspace.create([base], '--name', 'a', '--scratch', path('s/a'));
        const write = 'echo secret > new; chmod 4777 new; setfacl -d -m o::rwx .; mkdir -m 777 sub';
        await cowspace.runInside(mount, 'sh', ['-euc', write]);
        await cowspace.json(['unmount', 'a']);
        await cowspace.mount('a');
      } finally {
        process.umask(umask);
      }
      const socket = socketPath(findHome(cowspace.environment), 'a');
      const files = ['workspace.json', 'daemon.json', 'daemon.log', 'lock'].map((name) =>
        path(`home/workspaces/a/${name}`),
      );
      const folders = [
        path('home'),
        dirname(socket),
        path('home/workspaces'),
        path('home/workspaces/a'),
        path('s/a'),
      ];
      const modes = (paths: string[]): string[] =>
        paths.map((each) => `${each} ${(statSync(each).mode & 0o7777).toString(8)}`);
      assert.deepEqual(modes([socket, ...files, ...folders]), [
        ...[socket, ...files].map((each) => `${each} 600`),
        ...folders.map((each) => `${each} 700`),
      ]);
      // Also where the folders above let everybody in.
      for (const each of folders.slice(0, 3)) chmodSync(each, 0o755);
      const stranger = { uid: 12345, gid: 12345, cwd: '/' };
      for (const file of [...files, path('s/a/cowspace.json'), path('s/a/upper/new')]) {
        const { stderr } = await runCommand('cat', [file], stranger);
        assert.match(stderr, /Permission denied/, file);
      }
      const connect = 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])';
      const { stderr } = await runCommand('python3', ['-c', connect, socket], stranger);
      assert.match(stderr, /PermissionError/);
    });
  });
}

const names = (Object.keys(methods) as (keyof typeof methods)[]).filter((name) => name !== 'shutdown');

const path = fc.oneof(
  fc.constantFrom(
    '',
    '/',
    '..',
    '../..',
    'file',
    'file/',
    './file',
    'dir/../../file',
    '/etc/passwd',
    'dir//inner',
  ),
  fc.constantFrom('a\0b', '\ud800', '\udc80', 'x'.repeat(256), 'd/'.repeat(3000)),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const number = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 0.5, 2 ** 31, 2 ** 53, 1e300, 4096, 1 << 20));

/** What requests have, each right or wrong, there or not. */
const params = fc.oneof(
  fc.record(
    {
      path: fc.oneof(path, fc.jsonValue()),
      paths: fc.oneof(fc.array(path, { maxLength: 3 }), fc.jsonValue()),
      side: fc.constantFrom('base', 'scratch', 'other'),
      offset: number,
      length: number,
      limit: number,
      cells: number,
      range: fc.oneof(fc.record({ offset: number, length: number }), fc.jsonValue()),
      dryRun: fc.boolean(),
      skipConflicts: fc.boolean(),
      undoId: fc.oneof(fc.string(), fc.constantFrom('1', '../1')),
      protocolVersion: number,
      client: fc.string(),
      progressToken: fc.oneof(number, fc.string()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);

/** Whether there is a result, or a refusal that somebody thought of. */
async function answers(client: DaemonClient, name: keyof typeof methods, value: unknown): Promise<boolean> {
  try {
    await client.request(methods[name] as Method<never, never>, value as never);
    return true;
  } catch (error) {
    const { code } = asCowspaceError(error);
    return code !== 'internal' && code !== 'not-mounted';
  }
}

function optionsOf(mount: string): string {
  const line = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[1] === mount);
  return line?.split(' ')[3] ?? '';
}
