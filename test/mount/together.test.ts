import { strict as assert } from 'node:assert';
import { cpSync, mkdirSync } from 'node:fs';
import { findArchive } from '../../scripts/debian-archive.mjs';
import { runChecked } from '../support/command';
import { makeRepository } from '../support/repository';
import { useSandbox, type Sandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';
import { currentUser, ordinaryUser } from '../support/users';

const MINUTES = 60_000;
const archive = findArchive();

/**
 * What people let loose on a folder, each where it differs from the others in how it uses files. Scripts that start in
 * a directory of their own, find the root of the mount in $base, and end with the first command that fails.
 */
const programs: Record<string, string> = {
  'git goes through the history of a repository': `
    cd "$base/repository"
    first=$(git rev-list --max-parents=0 main | tail -n 1)
    git checkout --quiet "$first"; test -z "$(git status --porcelain)"
    git checkout --quiet main; test -z "$(git status --porcelain)"
    git checkout --quiet -b side "$(git rev-list --first-parent main | sed -n 1,50p | tail -n 1)"
    cp -a "$base/include" include; git add include; git commit --quiet --message include
    rm -r include/netfilter; git commit --quiet --all --message removed
    git rebase --quiet main; test "$(git log --format=%s main..side | xargs)" = 'removed include'
    git worktree add --quiet "$OLDPWD/tree" main; test -z "$(git -C "$OLDPWD/tree" status --porcelain)"
    echo changed >> LICENSE; rm package.json; echo new > untracked
    git stash --quiet --include-untracked; test -z "$(git status --porcelain)"
    git stash pop --quiet; test "$(git status --porcelain | xargs)" = 'M LICENSE D package.json ?? untracked'
    git gc --quiet; git fsck --no-dangling
    git clone --quiet . "$OLDPWD/clone"; cd "$OLDPWD/clone"
    git fsck --no-dangling; test -z "$(git status --porcelain)"; test ! -e include/netfilter
  `,

  'tar packs and unpacks': `
    tar --create --acls --xattrs --file=all.tar --directory="$base" include
    tar --extract --acls --xattrs --file=all.tar
    test -z "$(rsync -aHAXni --checksum --delete "$base/include/" include)"
  `,

  'rsync copies links, attributes and access lists': `
    cp -a "$base/include" from
    ln from/fuse.h from/link.h
    setfattr --name=user.test --value=value from/fuse.h
    setfacl --modify=u:1234:rw from/fuse.h
    rsync -aHAX from/ to
    test -z "$(rsync -aHAXni --checksum --delete from/ to)"
    test to/link.h -ef to/fuse.h
    getfacl to/link.h | grep user:1234:rw-
    test "$(getfattr --only-values --name=user.test to/link.h)" = value
  `,

  'dpkg-deb unpacks a package of Debian and builds it anew': `
    cp "$base/package.deb" .
    dpkg-deb --raw-extract package.deb unpacked
    # An ordinary user's files belong to that user.
    dpkg-deb --fsys-tarfile package.deb | tar --diff --directory=unpacked > differences || true
    ! grep -v '[UG]id differs' differences
    unpacked/usr/bin/perl -e 'exit 0'
    dpkg-deb --build -Znone unpacked again.deb
    dpkg-deb --raw-extract again.deb again
    test -z "$(rsync -aHniO --checksum --delete unpacked/ again)"
  `,

  'python makes an environment and installs into it': `
    python3 -m venv venv
    mkdir -p wheel/greet-1.dist-info; cd wheel
    echo 'def main(): print("hello")' > greet.py
    printf 'Metadata-Version: 2.1\\nName: greet\\nVersion: 1\\n' > greet-1.dist-info/METADATA
    printf 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n' > greet-1.dist-info/WHEEL
    printf '[console_scripts]\\ngreet = greet:main\\n' > greet-1.dist-info/entry_points.txt
    touch greet-1.dist-info/RECORD
    python3 -m zipfile --create ../greet-1-py3-none-any.whl greet.py greet-1.dist-info
    cd ..
    venv/bin/pip --disable-pip-version-check install --no-index greet-1-py3-none-any.whl
    test "$(venv/bin/greet)" = hello
    venv/bin/pip --disable-pip-version-check uninstall --yes greet
    test ! -e venv/bin/greet
  `,

  'lmdb keeps a database in shared memory': `
    cat > write.py <<'END'
import lmdb, sys
environment = lmdb.open(sys.argv[1], map_size=1 << 26, writemap=True)
for i in range(100):
    with environment.begin(write=True) as transaction:
        for part in range(10):
            transaction.put(f'{sys.argv[2]} {i} {part}'.encode(), b'value' * 10)
    with environment.begin() as transaction:
        assert transaction.get(f'{sys.argv[2]} {i} 9'.encode()) == b'value' * 10
END
    cd "$base/lmdb"
    writers=
    for writer in 1 2 3 4; do /usr/bin/python3 "$OLDPWD/write.py" . $writer & writers+=" $!"; done
    for writer in $writers; do wait $writer; done
    mdb_stat -a . | grep 'Entries: 24000'
    mkdir "$OLDPWD/copy"; mdb_copy -c . "$OLDPWD/copy"
    mdb_dump -p . > "$OLDPWD/dump"; mdb_dump -p "$OLDPWD/copy" | grep -v mapsize | cmp - <(grep -v mapsize "$OLDPWD/dump")
  `,

  'sqlite commits in each of its ways, for several processes': `
    cd "$base/sqlite"
    for mode in delete truncate wal; do
      test "$(sqlite3 $mode.db "PRAGMA journal_mode=$mode; UPDATE t SET x = 'new' WHERE rowid % 1000 = 0; VACUUM;")" = $mode
      writers=
      for writer in 1 2 3 4; do
        for i in $(seq 10); do echo "INSERT INTO t VALUES('$writer $i');"; done | sqlite3 -bail -cmd '.timeout 60000' $mode.db &
        writers+=" $!"
      done
      for writer in $writers; do wait $writer; done
      test "$(sqlite3 $mode.db 'PRAGMA integrity_check; SELECT count(*) FROM t;' | xargs)" = 'ok 20040'
    done
  `,

  'a program of Debian is configured, made and checked': `
    cd "$base/source"
    # Sooner done: no shared library, which takes compiling everything twice, and nothing optimized.
    ./configure --quiet --disable-shared CFLAGS=-O0 2>&1
    make --silent --jobs=2 2>&1
    make --silent check 2>&1
    make --silent install DESTDIR="$OLDPWD/installed" 2>&1
    cd "$OLDPWD"
    printf 'store key value\\nfetch key\\n' | installed/usr/local/bin/gdbmtool data | grep value
    make --silent -C "$base/source" distclean
  `,
};

/** What they find in the base. */
const prepare = `
  cp -a /usr/include/linux include
  mkdir lmdb sqlite
  { printf 'VERSION=3\\nformat=print\\ntype=btree\\nmapsize=67108864\\nHEADER=END\\n'
    seq -f ' %06g' 20000 | sed 's/.*/ key&\\n value of&/'; echo DATA=END; } | mdb_load lmdb
  sqlite3 sqlite/delete.db "CREATE TABLE t(x); WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n
    WHERE i < 20000) INSERT INTO t SELECT hex(randomblob(50)) FROM n;"
  cp sqlite/delete.db sqlite/truncate.db; cp sqlite/delete.db sqlite/wal.db
`;

interface Place {
  readonly base: string;
  /** Runs the program in the mount. */
  run(program: string): Promise<void>;
}

/** Gives the enclosing suite a mount over what the programs need. */
function usePlace(sandbox: () => Sandbox): () => Place {
  let base: string;
  let mount: string;

  before(async () => {
    base = sandbox().directory('base');
    await runChecked('bash', ['-euo', 'pipefail', '-c', prepare], { cwd: base });
    await makeRepository(`${base}/repository`);
    if (archive !== undefined) {
      mkdirSync(`${base}/source`);
      const unpack = ['--extract', '--strip-components=1', '--no-same-owner', `--file=${archive.sources}`];
      await runChecked('tar', unpack, { cwd: `${base}/source` });
      cpSync(archive.package, `${base}/package.deb`);
    }
    const { uid, gid } = sandbox().cowspace.user;
    await runChecked('chown', ['--recursive', '--no-dereference', `${uid}:${gid}`, base]);
    ({ mount } = await sandbox().cowspace.create([base]));
  });

  return () => ({
    base,
    async run(program) {
      const script = `mkdir ${program.replaceAll(/\W+/g, '-')}; cd $_; ${programs[program]}`;
      const line = ['-euxo', 'pipefail', '-c', script];
      const options = { env: { base: mount }, timeout: 4 * MINUTES };
      const result = await sandbox().cowspace.runInside(mount, 'bash', line, options);
      assert.equal(result.code, 0, `${program}:\n${result.stdout}${result.stderr}`);
    },
  });
}

describe('programs in a mount', function () {
  this.timeout(5 * MINUTES);
  const available = Object.keys(programs).filter((name) => archive !== undefined || !/of Debian/.test(name));

  before(() => {
    if (archive === undefined)
      console.log("    skipped: programs of Debian's archive, which was not fetched");
  });

  describe('as root, one by one', () => {
    const place = usePlace(useSandbox('suite', currentUser));
    // Takes longest, and differs little from what npm builds in this project as root.
    const short = available.filter((program) => !program.startsWith('a program of Debian'));
    for (const program of short) it(program, () => place().run(program));
  });

  describe('as an ordinary user, all at once', () => {
    const place = usePlace(useSandbox('suite', ordinaryUser));

    it('work, and none of them notices the others', async () => {
      const before = snapshot(place().base);
      const results = await Promise.allSettled(available.map((program) => place().run(program)));
      const failures = results.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
      assert.deepEqual(failures, []);
      assert.deepEqual(snapshot(place().base), before);
    });
  });
});
