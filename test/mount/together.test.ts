import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { runChecked } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';

/** Works in a directory of its own and checks what came of it. */
type Program = (directory: string, base: string) => Promise<void>;

const MINUTES = 60_000;

/** What people let loose on a folder, each where it differs from the others in how it uses files. */
const programs: Record<string, Program> = {
  'git goes from commit to commit': async (directory, base) => {
    const git = async (...args: string[]): Promise<string> => run(directory, 'git', ...args);
    await git('init', '--quiet', '--initial-branch', 'main');
    await git('config', 'user.name', 'Test');
    await git('config', 'user.email', 'test@example.org');
    await run(directory, 'cp', '-a', `${base}/include`, 'include');
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'one');
    await git('checkout', '--quiet', '-b', 'side');
    await run(directory, 'rm', '-r', 'include/netfilter');
    await git('commit', '--quiet', '--all', '--message', 'two');
    await git('checkout', '--quiet', 'main');
    await run(directory, 'cp', 'include/fuse.h', 'include/copy.h');
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'three');
    await git('rebase', '--quiet', 'main', 'side');
    await git('worktree', 'add', '--quiet', 'tree', 'main');
    assert.equal(await run(`${directory}/tree`, 'git', 'status', '--porcelain'), '');
    await git('gc', '--quiet');
    await git('fsck', '--no-dangling');
    assert.equal(await git('log', '--format=%s'), 'two\nthree\none\n');
  },

  'tar packs and unpacks': async (directory, base) => {
    await run(directory, 'tar', '--create', '--file=all.tar', `--directory=${base}`, 'include');
    await run(directory, 'tar', '--extract', '--file=all.tar');
    await run(directory, 'diff', '--recursive', 'include', `${base}/include`);
  },

  'rsync copies links, attributes and access lists': async (directory, base) => {
    await run(directory, 'cp', '-a', `${base}/include`, 'from');
    await run(directory, 'ln', 'from/fuse.h', 'from/link.h');
    await run(directory, 'setfattr', '--name=user.test', '--value=value', 'from/fuse.h');
    await run(directory, 'setfacl', '--modify=u:1234:rw', 'from/fuse.h');
    await run(directory, 'rsync', '-aHAX', 'from/', 'to');
    assert.equal(await run(directory, 'rsync', '-aHAXni', '--checksum', '--delete', 'from/', 'to'), '');
  },

  'dpkg-deb builds and unpacks': async (directory, base) => {
    mkdirSync(`${directory}/package/DEBIAN`, { recursive: true, mode: 0o755 });
    const fields = ['Package: test', 'Version: 1', 'Architecture: all', 'Maintainer: Test <t@example.org>'];
    writeFileSync(`${directory}/package/DEBIAN/control`, `${fields.join('\n')}\nDescription: test\n`);
    await run(directory, 'cp', '-a', `${base}/include`, 'package/include');
    await run(directory, 'dpkg-deb', '--build', '-Znone', 'package', 'test.deb');
    await run(directory, 'dpkg-deb', '--extract', 'test.deb', 'unpacked');
    await run(directory, 'diff', '--recursive', 'unpacked/include', `${base}/include`);
  },

  'python makes an environment': async (directory) => {
    await run(directory, '/usr/bin/python3', '-m', 'venv', '--without-pip', 'venv');
    writeFileSync(`${directory}/module.py`, 'VALUE = 42\n');
    const program = 'import module, sys; print(module.VALUE, sys.prefix != sys.base_prefix)';
    assert.equal(await run(directory, 'venv/bin/python', '-c', program), '42 True\n');
  },

  'lmdb keeps a database in shared memory': async (directory) => {
    const pairs = Array.from({ length: 5000 }, (_, i) => ` key${i}\n value of ${i}\n`).sort();
    const dump = `VERSION=3\nformat=print\ntype=btree\nmapsize=16777216\nHEADER=END\n${pairs.join('')}DATA=END\n`;
    writeFileSync(`${directory}/dump`, dump);
    mkdirSync(`${directory}/db`);
    mkdirSync(`${directory}/copy`);
    await run(directory, 'mdb_load', '-f', 'dump', 'db');
    await run(directory, 'mdb_copy', '-c', 'db', 'copy');
    assert.ok((await run(directory, 'mdb_dump', '-p', 'copy')).includes(pairs.join('')));
  },

  'sqlite commits in each of its ways': async (directory) => {
    for (const mode of ['delete', 'truncate', 'wal']) {
      const sql = `PRAGMA journal_mode=${mode}; CREATE TABLE t(x); INSERT INTO t VALUES(1);
        UPDATE t SET x = 2; VACUUM; PRAGMA integrity_check; SELECT x FROM t;`;
      assert.equal(await run(directory, 'sqlite3', `${mode}.db`, sql), `${mode}\nok\n2\n`);
    }
  },

  'make compiles and checks': async (directory) => {
    const parts = Array.from({ length: 12 }, (_, i) => `part${i}`);
    for (const part of parts) writeFileSync(`${directory}/${part}.c`, `int ${part}(void) { return 1; }\n`);
    const calls = parts.map((part) => `${part}()`).join(' + ');
    const declarations = parts.map((part) => `int ${part}(void);`).join('\n');
    writeFileSync(`${directory}/main.c`, `${declarations}\nint main(void) { return ${calls} - 12; }\n`);
    const objects = ['main', ...parts].map((part) => `${part}.o`).join(' ');
    writeFileSync(`${directory}/Makefile`, `all: ${objects}\n\tcc -o all ${objects}\ncheck: all\n\t./all\n`);
    await run(directory, 'make', '--jobs=2', 'check');
    assert.match(await run(directory, 'make'), /up to date|Nothing to be done/);
  },
};

describe('programs in a mount', function () {
  this.timeout(4 * MINUTES);
  const sandbox = useSandbox('suite');
  let base: string;
  let mount: string;

  before(async () => {
    base = sandbox().directory('base');
    await run(base, 'cp', '-a', '/usr/include/linux', 'include');
    ({ mount } = await sandbox().cowspace.create([base]));
  });

  it('work all at once, and none of them notices', async () => {
    const before = snapshot(base);
    const failures: string[] = [];
    const work = Object.entries(programs).map(async ([name, program], i) => {
      const directory = `${mount}/at-once-${i}`;
      mkdirSync(directory);
      await program(directory, mount).catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
    });
    await Promise.all(work);
    assert.deepEqual(failures, []);
    assert.deepEqual(snapshot(base), before);
  });

  for (const [name, program] of Object.entries(programs)) {
    it(name, async () => {
      const directory = `${mount}/${name.replaceAll(' ', '-')}`;
      mkdirSync(directory);
      await program(directory, mount);
    });
  }
});

function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  return runChecked(command, args, { cwd, timeout: 3 * MINUTES });
}
