import { strict as assert } from 'node:assert';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Context } from 'mocha';
import type { Change, DiffResult, WorkspaceInfo } from '../../src/protocol/messages';
import { type CommandResult, runChecked } from '../support/command';
import { CowspaceFailure } from '../support/cowspace';
import { mountDrivers } from '../support/drivers';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';
import { currentUser, ordinaryUser, projectDirectory, type User } from '../support/users';

const users: [string, (context: Context) => User][] = [
  ['the user who runs the tests', currentUser],
  ['an ordinary user', ordinaryUser],
];
const cases = mountDrivers.flatMap((driver) => users.map(([who, user]) => ({ driver, who, user })));

for (const { driver, who, user } of cases) {
  describe(`command line with the driver ${driver}, as ${who}`, () => {
    const sandbox = useSandbox('test', user, driver);

    /** A base with a bit of everything, owned by the user. */
    async function makeBase(): Promise<string> {
      const base = sandbox().directory('base');
      await asUser(
        `mkdir -p sub/deep empty && echo one > somefile && printf 'a\\nb\\nc\\n' > sub/text && echo x > sub/deep/x &&
        ln -s somefile link && printf '\\000\\001' > binary && echo '#!/bin/sh' > script && chmod 755 script`,
        base,
      );
      return base;
    }

    /** Runs a script; in a folder that it enters by itself, as root cannot enter the mounts of others. */
    async function asUser(script: string, directory = '/'): Promise<string> {
      const { uid, gid } = sandbox().cowspace.user;
      return runChecked('sh', ['-euc', `cd "$1"\n${script}`, 'sh', directory], { uid, gid });
    }

    /** For commands that take no driver. */
    function skipUnlessDefault(context: Context): void {
      if (driver !== 'kernel') context.skip();
    }

    async function create(...args: string[]): Promise<WorkspaceInfo> {
      const places = ['--name', 'a', '--mount', sandbox().path('m'), '--scratch', sandbox().path('s')];
      return sandbox().cowspace.json(['create', await makeBase(), ...places, ...args]);
    }

    async function kinds(): Promise<string[]> {
      const { changes } = await sandbox().cowspace.status('a');
      return changes.map(({ kind, path }: Change) => `${kind} ${path}`);
    }

    async function failure(args: readonly string[]): Promise<CowspaceFailure> {
      const failed = await sandbox()
        .cowspace.json(args)
        .then(
          () => assert.fail(`cowspace ${args.join(' ')} succeeded`),
          (error: unknown) => error,
        );
      assert(failed instanceof CowspaceFailure, String(failed));
      return failed;
    }

    it('shows, discards and brings back what changed', async () => {
      const { mount, bases } = await create();
      const before = snapshot(bases[0]!);
      await asUser('echo hi > new && rm somefile', mount);
      assert.deepEqual(await kinds(), ['created new', 'whiteout somefile']);
      await sandbox().cowspace.discard('a');
      assert.deepEqual(await kinds(), []);
      await asUser(`diff -r --no-dereference ${bases[0]!} ${mount}`);
      await sandbox().cowspace.json(['undo', 'a']);
      assert.deepEqual(await kinds(), ['created new', 'whiteout somefile']);
      assert.equal(await asUser('cat new', mount), 'hi\n');
      assert.deepEqual(snapshot(bases[0]!), before);
    });

    it('commits chosen paths, then the rest', async () => {
      const { mount, bases } = await create();
      await asUser('echo 1 > sub/new; echo 2 > new; rm somefile; chmod 700 script', mount);
      const planned = await sandbox().cowspace.commit('a', '--dry-run');
      assert.equal(planned.items.length, 4);
      assert.equal((await kinds()).length, 4);
      await sandbox().cowspace.commit('a', 'sub');
      assert.equal(readFileSync(`${bases[0]!}/sub/new`, 'utf8'), '1\n');
      assert.deepEqual(await kinds(), ['created new', 'metadata script', 'whiteout somefile']);
      await sandbox().cowspace.commit('a');
      assert.deepEqual(await kinds(), []);
      assert(!existsSync(`${bases[0]!}/somefile`));
      await asUser(`diff -r --no-dereference ${bases[0]!} ${mount}`);
    });

    it('refuses to commit over a base that moved, and names what did', async () => {
      const { mount, bases } = await create();
      await asUser('echo mine > somefile; echo new > new', mount);
      await asUser('echo theirs > somefile', bases[0]);
      const { code, result } = await failure(['commit', 'a']);
      assert.equal(code, 'conflict');
      assert.equal(result.code, 1);
      assert.match(result.stderr, /somefile/);
      assert(!existsSync(`${bases[0]!}/new`));
      const { conflicts } = await sandbox().cowspace.commit('a', '--skip-conflicts');
      assert.deepEqual(
        conflicts.map(({ path }) => path),
        ['somefile'],
      );
      assert(existsSync(`${bases[0]!}/new`));
      assert.equal(readFileSync(`${bases[0]!}/somefile`, 'utf8'), 'theirs\n');
      assert.equal(await asUser('cat somefile', mount), 'mine\n');
    });

    it('takes paths relative to the mount, to the working directory, and absolute', async () => {
      const { mount } = await create();
      await asUser('echo 1 > sub/deep/y; echo 2 > sub/y; echo 3 > y', mount);
      const paths = async (args: string[], directory = '/'): Promise<string[]> => {
        const { cowspace } = sandbox();
        const program = [
          process.execPath,
          `${cowspace.user.programDirectory}/dist/cli.js`,
          'diff',
          '--json',
          'a',
        ];
        const script = 'cd "$1" && shift && exec "$@"';
        const diff = await cowspace.runProgram('sh', ['-c', script, 'sh', directory, ...program, ...args]);
        return (JSON.parse(diff.stdout) as DiffResult).files.map(({ path }) => path);
      };
      assert.deepEqual(await paths(['sub']), ['sub/deep/y', 'sub/y']);
      assert.deepEqual(await paths(['y'], `${mount}/sub`), ['sub/y']);
      assert.deepEqual(await paths([`${mount}/sub/deep`, 'y'], '/'), ['sub/deep/y', 'y']);
      assert.deepEqual(await paths(['.'], `${mount}/sub/deep`), ['sub/deep/y']);
      assert.deepEqual(await paths(['m/y'], sandbox().root), ['y']);
      assert.equal((await failure(['diff', 'a', '/etc/passwd'])).result.code, 2);
      assert.equal((await failure(['discard', 'a', '../x'])).code, 'usage');
    });

    it('makes patches that git applies', async () => {
      const { mount, bases } = await create();
      const copy = sandbox().path('copy');
      await asUser(`cp -a ${bases[0]!} ${copy} && cd ${copy} && git init -q`);
      await asUser(
        `printf 'a\\nB\\nc\\nd' > sub/text; rm somefile; mv sub/deep/x sub/deep/renamed; echo y >> sub/deep/renamed
        echo new > 'with space'; : > nothing; printf 'no end' > noend; chmod 644 script
        ln -sf elsewhere link; echo '#!/bin/sh' > tool; chmod +x tool; echo ü > ünïcode`,
        mount,
      );
      const { stdout } = await sandbox().cowspace.run(['diff', 'a']);
      const patch = sandbox().path('patch');
      writeFileSync(patch, stdout);
      await asUser(`git apply ${patch}`, copy);
      await asUser(`diff -r --no-dereference -x .git ${copy} ${mount}`);
      const modes = await asUser('stat -c "%A %n" script tool', copy);
      assert.equal(modes, '-rw-r--r-- script\n-rwxr-xr-x tool\n');
    });

    it('notes what a patch cannot say', async () => {
      const { mount } = await create();
      await asUser("printf '\\000' >> binary; mkdir dir; mkfifo pipe; touch -d @0 somefile", mount);
      const { files } = await sandbox().cowspace.diff('a');
      assert.deepEqual(
        files.map(({ path, note }) => `${path}: ${String(note)}`),
        ['binary: binary', 'dir: directory', 'pipe: fifo', 'somefile: metadata'],
      );
    });

    it('finds everything again after the daemon was killed', async () => {
      const { mount, pid } = await create();
      await asUser('echo kept > kept; rm -r sub; mv somefile moved; exec 3>open; echo lost >&3', mount);
      const before = await kinds();
      process.kill(pid!, 'SIGKILL');
      const start = performance.now();
      const [dead] = await sandbox().cowspace.list();
      console.log(`        ${(performance.now() - start).toFixed()} ms to list a dead workspace`);
      assert.deepEqual([dead!.mounted, dead!.pid], [false, null]);
      assert.equal((await failure(['status', 'a'])).code, 'not-mounted');
      await sandbox().cowspace.json(['mount', 'a']);
      assert.deepEqual(await kinds(), before);
      assert.equal(await asUser('cat kept moved', mount), 'kept\none\n');
    });

    it('unmounts after the daemon was killed', async () => {
      const { mount, pid } = await create();
      process.kill(pid!, 'SIGKILL');
      await sandbox().cowspace.json(['unmount', 'a']);
      assert.deepEqual(readdirSync(mount), []);
      assert.equal((await failure(['unmount', 'a'])).code, 'not-mounted');
    });

    it('refuses to unmount what is in use, unless forced', async () => {
      const { mount } = await create();
      const program = asUser('echo $$ > pid; exec sleep 60', mount).catch(() => undefined);
      const pid = Number(await asUser('until test -s pid; do sleep 0.05; done; cat pid', mount));
      assert.equal((await failure(['unmount', 'a'])).code, 'busy');
      assert.deepEqual(await kinds(), ['created pid']);
      await sandbox().cowspace.json(['unmount', 'a', '--force']);
      await sandbox().cowspace.json(['mount', 'a']);
      assert.deepEqual(await kinds(), ['created pid']);
      process.kill(pid);
      await program;
    });

    it('removes only what it made, and changes only when forced', async () => {
      const { mount, bases } = await create();
      const before = snapshot(bases[0]!);
      // What an ordinary user made read-only must not keep it.
      await asUser('mkdir locked; echo > locked/file; chmod 000 locked', mount);
      const refusal = await failure(['remove', 'a']);
      assert.equal(refusal.code, 'not-empty');
      assert.equal((await kinds()).length, 2);
      await sandbox().cowspace.json(['unmount', 'a']);
      assert.equal((await failure(['remove', 'a'])).code, 'not-empty');
      writeFileSync(sandbox().path('s/mine'), '');
      await sandbox().cowspace.json(['remove', 'a', '--force']);
      assert.deepEqual(readdirSync(sandbox().path('s')), ['mine']);
      assert(!existsSync(mount));
      assert.deepEqual(await sandbox().cowspace.list(), []);
      assert.deepEqual(snapshot(bases[0]!), before);
      assert.equal((await failure(['remove', 'a'])).code, 'not-found');
    });

    it('removes a workspace whose base is gone only when forced', async () => {
      const { bases } = await create();
      await sandbox().cowspace.json(['unmount', 'a']);
      rmSync(bases[0]!, { recursive: true });
      assert.equal((await failure(['mount', 'a'])).code, 'not-found');
      const { message } = await failure(['remove', 'a']);
      assert.match(message, /cannot be told.*remove --force a/);
      await sandbox().cowspace.json(['remove', 'a', '--force']);
      assert.deepEqual(await sandbox().cowspace.list(), []);
    });

    it('keeps folders that were there before the workspace', async () => {
      sandbox().directory('m');
      sandbox().directory('s');
      await create();
      await sandbox().cowspace.json(['remove', 'a']);
      assert.deepEqual(readdirSync(sandbox().path('m')), []);
      assert.deepEqual(readdirSync(sandbox().path('s')), []);
    });

    it('lists what the contract says', async () => {
      const info = await create();
      assert.deepEqual(await sandbox().cowspace.list(), [info]);
      assert.deepEqual(Object.keys(info).sort(), [
        'bases',
        'driver',
        'mount',
        'mounted',
        'name',
        'pid',
        'scratch',
        'storedBytes',
      ]);
      const plain = await sandbox().cowspace.run(['list']);
      assert.match(plain.stdout, /^NAME +STATE +STORED +MOUNT +BASES\na +mounted /);
    });

    it('names workspaces after the folder, each differently', async () => {
      const base = await makeBase();
      const first = await sandbox().cowspace.json<WorkspaceInfo>(['create', base]);
      const second = await sandbox().cowspace.json<WorkspaceInfo>(['create', base]);
      assert.deepEqual([first.name, second.name], ['base', 'base-2']);
      assert.notEqual(first.mount, second.mount);
      assert.equal((await failure(['create', base, '--name', 'base'])).code, 'exists');
      assert.equal((await failure(['create', base, '--name', '../x'])).result.code, 2);
    });

    it('refuses places that cannot work, and leaves nothing behind', async () => {
      const base = await makeBase();
      const before = snapshot(base);
      const m = sandbox().path('m');
      const refusals: [string, string[]][] = [
        ['overlap', [base, '--mount', `${base}/inside`]],
        ['overlap', [base, '--scratch', `${base}/inside`]],
        ['overlap', [`${base}/sub`, '--mount', base]],
        ['overlap', [`${base}/sub`, '--mount', m, '--scratch', base]],
        ['overlap', [base, '--mount', m, '--scratch', `${m}/scratch`]],
        ['overlap', [base, '--mount', base]],
        ['not-empty', [`${base}/sub`, '--mount', sandbox().root, '--scratch', '/nonexistent/s']],
        ['not-empty', [base, '--scratch', sandbox().directory('full')]],
        ['not-found', [sandbox().path('nowhere')]],
        ['usage', [`${base}/somefile`]],
        ['usage', [base, base]],
        ['unsupported', [base, '--driver', 'fuse-native', '--allow-other']],
      ];
      writeFileSync(sandbox().path('full/file'), '');
      const full = statSync(sandbox().path('full'));
      refusals.splice(6, 1, ['not-empty', [base, '--mount', sandbox().path('full')]]);
      for (const [code, args] of refusals) {
        const failed = await failure(['create', ...args]);
        assert.equal(failed.code, code, failed.message);
      }
      assert.deepEqual(await sandbox().cowspace.list(), []);
      assert.deepEqual(snapshot(base), before);
      assert.deepEqual(readdirSync(sandbox().root).sort(), ['base', 'full', 'home']);
      assert.deepEqual(readdirSync(sandbox().path('full')), ['file']);
      assert.equal(statSync(sandbox().path('full')).ctimeMs, full.ctimeMs);
    });

    it('refuses a scratch that is in use or was made for another base, and leaves it as it is', async () => {
      await create();
      await asUser('echo precious > created', sandbox().path('m'));
      const other = sandbox().directory('other');
      const { code, message } = await failure([
        'create',
        other,
        '--name',
        'b',
        '--scratch',
        sandbox().path('s'),
      ]);
      assert.equal(code, 'in-use', message);
      await sandbox().cowspace.json(['unmount', 'a']);
      rmSync(sandbox().path('home/workspaces/a'), { recursive: true });
      const before = snapshot(sandbox().path('s'));
      const wrong = await failure(['create', other, '--name', 'b', '--scratch', sandbox().path('s')]);
      assert.equal(wrong.code, 'wrong-scratch');
      assert.deepEqual(snapshot(sandbox().path('s')), before);
      assert.deepEqual(readdirSync(sandbox().path('home/mounts')), []);
    });

    it('merges several bases, first match first', async () => {
      const base = await makeBase();
      const second = sandbox().directory('second');
      await asUser('mkdir sub; echo second > somefile; echo other > sub/other', second);
      const { mount } = await sandbox().cowspace.json<WorkspaceInfo>(['create', base, second, '--name', 'a']);
      assert.equal(await asUser('cat somefile sub/other; ls sub', mount), 'one\nother\ndeep\nother\ntext\n');
    });

    it('runs a command in a fresh workspace and shows what it changed', async function () {
      skipUnlessDefault(this);
      const base = await makeBase();
      const before = snapshot(base);
      const run = (args: string[]): Promise<CommandResult> => sandbox().cowspace.run(['run', base, ...args]);
      const changing = await run(['--name', 'a', '--', 'sh', '-c', 'pwd; rm somefile; exit 3']);
      assert.equal(changing.code, 3);
      assert.equal(changing.stdout, `${sandbox().path('home/mounts/a')}\n`);
      assert.match(changing.stderr, /^whiteout +4 B +somefile\n1 change: 1 whiteout\n/);
      assert.match(changing.stderr, /cowspace commit a/);
      const idle = await run(['--name', 'b', '--json', '--', 'cat', 'somefile']);
      const { exitCode, removed, changes } = JSON.parse(idle.stdout) as Record<string, unknown>;
      assert.deepEqual([exitCode, removed, changes, idle.stderr], [0, true, [], 'one\n']);
      assert.equal((await run(['--', 'no-such-command'])).code, 127);
      assert.deepEqual(
        (await sandbox().cowspace.list()).map(({ name }) => name),
        ['a'],
      );
      assert.deepEqual(snapshot(base), before);
    });

    it('opens the editor on the PATH, or says where the mount is', async function () {
      skipUnlessDefault(this);
      const base = await makeBase();
      const bin = sandbox().directory('bin');
      const { cowspace } = sandbox();
      const env = { ...cowspace.environment, PATH: `${bin}:/usr/bin:/bin` };
      const nothing = await cowspace.run(['open', base], { env });
      assert.equal(nothing.stdout, `${sandbox().path('home/mounts/base')}\n`);
      assert.match(nothing.stderr, /no code or code-server/);
      writeFileSync(`${bin}/code`, '#!/bin/sh\necho "editor: $1"\n');
      chmodSync(`${bin}/code`, 0o755);
      const byFolder = await cowspace.run(['open', base], { env });
      assert.match(byFolder.stdout, /^editor: .*\/mounts\/base$/m);
      await cowspace.json(['unmount', 'base']);
      const byName = await cowspace.run(['open', 'base'], { env });
      assert.match(byName.stdout, /^editor: .*\/mounts\/base$/m);
      assert.equal((await cowspace.list()).length, 1);
    });

    it('examines the machine', async () => {
      const { checks } = await sandbox().cowspace.json<{ checks: { id: string; level: string }[] }>([
        'doctor',
      ]);
      assert.deepEqual(
        checks.filter(({ level }) => level === 'fail'),
        [],
      );
      assert(checks.some(({ id }) => id === 'native'));
      const { pid } = await create();
      process.kill(pid!, 'SIGKILL');
      const plain = await sandbox().cowspace.run(['doctor']);
      assert.match(plain.stdout, /warn {2}The daemon of a was killed\n.*cowspace mount a/);
    });
  });
}

describe('command line', () => {
  const sandbox = useSandbox();

  it('tells wrong usage by exit code 2, for people and for programs', async () => {
    const { cowspace } = sandbox();
    for (const args of [
      ['nonsense'],
      ['create'],
      ['status'],
      ['list', '--nonsense'],
      ['create', '/', '--driver', 'x'],
    ]) {
      const plain = await cowspace.run(args);
      assert.equal(plain.code, 2, args.join(' '));
      assert.match(plain.stderr, /^cowspace: /);
      assert.equal(plain.stdout, '');
      const json = await cowspace.run([...args, '--json']);
      assert.equal(json.code, 2);
      assert.equal((JSON.parse(json.stderr) as { error: { code: string } }).error.code, 'usage');
    }
  });

  it('says so when its package was made for another machine', async () => {
    const base = sandbox().directory('base');
    cpSync(`${projectDirectory}/dist`, sandbox().path('package/dist'), { recursive: true });
    const run = (...args: string[]): Promise<CommandResult> =>
      sandbox().cowspace.runProgram(process.execPath, [sandbox().path('package/dist/cli.js'), ...args]);
    assert.match((await run('doctor')).stdout, /fail .*no native part for linux/);
    const { code, stderr } = await run('create', base, '--json');
    assert.equal(code, 1);
    assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, 'incompatible');
    assert.deepEqual(await sandbox().cowspace.list(), []);
  });

  it('does not colour or ask without a terminal', async () => {
    const base = sandbox().directory('base');
    const { mount } = await sandbox().cowspace.json<WorkspaceInfo>(['create', base, '--name', 'a']);
    mkdirSync(`${mount}/dir`);
    symlinkSync('\x1b[31mred', `${mount}/\x1b[31mred`);
    const { stdout } = await sandbox().cowspace.run(['status', 'a']);
    assert.equal(stdout.includes('\x1b'), false);
    assert.match(stdout, /"\\u001b\[31mred"/);
    assert.equal((await sandbox().cowspace.run(['commit', 'a'])).code, 0);
  });

  it('puts the mount of a base that holds the home directory outside it', async () => {
    const home = sandbox().directory('user');
    const environment = { ...sandbox().cowspace.environment, COWSPACE_HOME: `${home}/.cowspace` };
    const { stdout, stderr, code } = await sandbox().cowspace.run(
      ['create', home, '--name', 'of-home', '--json'],
      {
        env: environment,
      },
    );
    assert.equal(code, 0, stderr);
    const info = JSON.parse(stdout) as WorkspaceInfo;
    assert(!info.mount.startsWith(home));
    assert(!info.scratch.startsWith(home));
    const removed = await sandbox().cowspace.run(['remove', 'of-home'], { env: environment });
    assert.equal(removed.code, 0, removed.stderr);
    const refused = await sandbox().cowspace.run(['create', '/', '--json'], { env: environment });
    assert.match(refused.stderr, /"overlap".*--mount and --scratch/);
  });
});
