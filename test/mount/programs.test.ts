import { strict as assert } from 'node:assert';
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChecked } from '../support/command';
import type { MountDriver } from '../support/drivers';
import { useSandbox } from '../support/sandbox';
import { currentUser, ordinaryUser, type User } from '../support/users';

function behavesLikeADisk(
  title: string,
  {
    user,
    driver,
    trackedFiles,
    trees,
  }: {
    user: (context: Mocha.Context) => User;
    driver: MountDriver;
    trackedFiles: number;
    trees: readonly string[];
  },
): void {
  describe(title, function () {
    this.timeout(180_000);
    const sandbox = useSandbox('test', user, driver);

    /** Runs a program as the user in question and returns what it prints. */
    async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
      const result = await sandbox().cowspace.runInside(cwd, command, args, { timeout: 170_000 });
      assert.equal(result.code, 0, `${[command, ...args].join(' ')}: ${result.stderr}`);
      return result.stdout;
    }

    async function mountOver(base: string): Promise<string> {
      return (await sandbox().cowspace.create([base], '--name', 'a')).mount;
    }

    it(`git works on a repository of ${trackedFiles} files as if it were its own`, async () => {
      const base = sandbox().directory('base');
      await makeLargeRepository(base, trackedFiles, run);
      const head = await run(base, 'git', 'rev-parse', 'HEAD');
      const mount = await mountOver(base);
      const git = (...args: string[]): Promise<string> => run(mount, 'git', ...args);

      assert.equal(await git('status', '--porcelain'), '');
      await git('checkout', '--quiet', '-b', 'x');
      await run(mount, 'cp', 'd0/f9', 'd0/f0');
      await git('commit', '--quiet', '--all', '--message', 'changed');
      await run(mount, 'cp', 'd0/f9', 'd0/f1');
      await git('stash', '--quiet');
      assert.equal(await git('status', '--porcelain'), '');
      await git('stash', 'pop', '--quiet');
      assert.equal(await git('status', '--porcelain'), ' M d0/f1\n');
      await git('checkout', '--quiet', '--', '.');
      for (const commit of ['far', 'x']) {
        await git('checkout', '--quiet', commit);
        assert.equal(await git('status', '--porcelain'), '');
      }
      await git('gc', '--quiet');
      await git('fsck', '--no-dangling');
      await git('clone', '--quiet', '.', sandbox().path('elsewhere'));
      assert.equal(await run(sandbox().path('elsewhere'), 'git', 'log', '--format=%s'), 'changed\nbase\n');

      assert.equal(await run(base, 'git', 'status', '--porcelain'), '');
      assert.equal(await run(base, 'git', 'rev-parse', 'HEAD'), head);
      await run(base, 'git', 'fsck');
    });

    it('rsync finds no difference between mount and base before any change', async () => {
      const base = sandbox().directory('base');
      await run(base, 'cp', '-a', ...trees, base);
      const mount = await mountOver(base);
      const differences = await run(
        '/',
        'rsync',
        '-aHAXni',
        '--checksum',
        '--delete',
        `${mount}/`,
        `${base}/`,
      );
      assert.equal(differences, '');
    });

    it('sqlite keeps a base database in WAL mode, and the base stays as it was', async () => {
      const base = sandbox().directory('base');
      const file = join(base, 'data.db');
      await run(base, 'sqlite3', file, 'CREATE TABLE t(x); INSERT INTO t VALUES(1);');
      const before = readFileSync(file);
      const mount = await mountOver(base);
      const sql =
        'PRAGMA journal_mode=WAL; INSERT INTO t VALUES(2); PRAGMA integrity_check; SELECT sum(x) FROM t;';
      assert.equal(await run(mount, 'sqlite3', 'data.db', sql), 'wal\nok\n3\n');
      assert.deepEqual(readFileSync(file), before);
    });

    it('a compiled program runs from the mount, and what it writes through mmap is there', async () => {
      const base = sandbox().directory('base');
      writeFileSync(join(base, 'data'), Buffer.alloc(8192, 'a'));
      writeFileSync(join(base, 'map.c'), mapProgram);
      const { uid, gid } = sandbox().cowspace.user;
      chownSync(join(base, 'data'), uid, gid);
      const mount = await mountOver(base);
      await run(mount, 'cc', '-o', 'map', 'map.c');
      await run(mount, './map', 'data');
      assert.equal((await run(mount, 'cat', 'data')).slice(5000, 5005), 'hello');
      assert.equal(statSync(join(base, 'data')).size, 8192);
      assert.ok(readFileSync(join(base, 'data')).every((byte) => byte === 0x61));
    });
  });
}

behavesLikeADisk('programs in a mount, as root', {
  user: currentUser,
  driver: 'kernel',
  trackedFiles: 6_000,
  trees: ['/usr/include/linux', '/usr/share/doc'],
});
// What differs for other users shows with fewer files.
behavesLikeADisk('programs in a mount, as an ordinary user', {
  user: ordinaryUser,
  driver: 'kernel',
  trackedFiles: 1_500,
  trees: ['/usr/include/linux'],
});
for (const [who, user] of [
  ['root', currentUser],
  ['an ordinary user', ordinaryUser],
] as const) {
  // Each name on each path is asked for each time: git takes ten times as long.
  behavesLikeADisk(`programs in a mount, as ${who}, with the driver fuse-native`, {
    user,
    driver: 'fuse-native',
    trackedFiles: 300,
    trees: ['/usr/include/linux'],
  });
}

/** Writes into a file through a shared mapping. */
const mapProgram = `
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
int main(int argc, char **argv) {
  int fd = open(argv[1], O_RDWR);
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd < 0 || p == MAP_FAILED) return 1;
  memcpy(p + 5000, "hello", 5);
  return msync(p, 8192, MS_SYNC);
}
`;

async function makeLargeRepository(
  base: string,
  files: number,
  run: (cwd: string, command: string, ...args: string[]) => Promise<string>,
): Promise<void> {
  for (let block = 0; block < files / 100; block++) {
    mkdirSync(join(base, `d${block}`));
    // Some contents are the same: git's objects are fewer than the files.
    for (let file = 0; file < 100; file++)
      writeFileSync(join(base, `d${block}/f${file}`), `${block % 30} ${file}\n`);
  }
  const { uid, gid } = statSync(base);
  await runChecked('chown', ['-R', `${uid}:${gid}`, base]);
  await run(base, 'git', 'init', '--quiet', '--initial-branch', 'main');
  for (const [name, value] of Object.entries(settings)) await run(base, 'git', 'config', name, value);
  await run(base, 'git', 'add', '--all');
  await run(base, 'git', 'commit', '--quiet', '--message', 'base');
  await run(base, 'bash', '-c', makeDistantCommit);
}

/** Makes a branch that lacks a tenth of the directories and has another tenth elsewhere. */
const makeDistantCommit = `
  count=$(($(git ls-tree main | wc -l) / 10 + 1))
  moved=$(git ls-tree main | head -n $count | git mktree)
  kept=$(git ls-tree main | tail -n +$((2 * count + 1)))
  tree=$(printf '%s\\n040000 tree %s\\tmoved\\n' "$kept" $moved | git mktree)
  git branch far $(git commit-tree -m far $tree)
`;

const settings = {
  'user.name': 'Test',
  'user.email': 'test@example.org',
  // A clean-up that runs on in the background would change the base under the mount.
  'gc.auto': '0',
};
