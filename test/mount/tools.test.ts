import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { useSandbox } from '../support/sandbox';
import { currentUser, ordinaryUser } from '../support/users';

/** What each script finds in its directory. */
const prepare = `
  mkdir -p dir/deep dir/empty
  for name in a b c; do echo "$name of the base" > dir/$name; done
  echo deep > dir/deep/file
  printf 'one\\ntwo\\nthree\\n' > text
  printf '#!/bin/sh\\necho ran "$@"\\n' > run.sh; chmod 755 run.sh
  echo linked > first; ln first second
  ln -s text pointer
  echo secret > private; chmod 400 private
  seq 1 400000 > big
  truncate -s 3M sparse; echo data | dd of=sparse bs=1k seek=1500 conv=notrunc status=none
  find . -exec touch -h -d '2020-01-02 03:04:05' {} +
`;

/** Prints what people can tell apart in a tree, apart from times and link counts. */
const facts = `
  find . -mindepth 1 \\( -type d -printf '%p %M %U:%G\\n' -o -printf '%p %M %U:%G %s %l\\n' \\) | sort
  find . -type f -print0 | sort -z | xargs -0 --no-run-if-empty sha256sum
  getfattr -R -P -d -m - . | grep -v '^$' | paste - - | sort
`;
const linkCounts = "find . -type f -printf '%p %n\\n' | sort";

/** Scripts that print what people would notice; they do so in a mount as in a plain directory. */
const scripts: Record<string, string> = {
  'scripts and programs run': `
    ./run.sh one
    cp run.sh new.sh; ./new.sh two
    chmod -x run.sh; ./run.sh; chmod +x run.sh; ./run.sh three
    printf '#!/usr/bin/awk -f\\nBEGIN { print "awk" }\\n' > new.awk; chmod +x new.awk; ./new.awk
    cp "$(command -v sleep)" wait; ./wait 60 & sleep 0.1
    (echo busy > wait) 2>/dev/null || echo busy
    kill $!; wait
    echo replaced > wait && cat wait
  `,
  'cp copies, shares and leaves holes': `
    cp --reflink=auto big big.auto; cmp big big.auto && rm big; cmp big.auto big.auto && mv big.auto big
    cp --sparse=always sparse holes; cp --sparse=never sparse full; cmp holes full && cmp holes sparse && echo equal
    [ $(stat -c %b holes) -lt 1000 ] && echo holes; [ $(stat -c %b full) -ge 6144 ] && echo full
    cp -a . ../copied.$$ && rm -rf copied && mv ../copied.$$ copied; ls -A copied
    cp -al dir linked; echo more >> linked/a; cat dir/a
    cp -u text dir/a; cp --backup=numbered text dir/b; cp --remove-destination text second; cp -s text symbolic
    cp -T dir/c pointer; cat text; cp --parents dir/deep/file copied/dir; cp -n text first
    ls -A dir copied/dir/dir; cat first second
  `,
  'install makes directories, modes and backups': `
    install -d -m 750 made/deep; install -m 711 -p run.sh made/deep; stat -c '%a %Y' made/deep/run.sh
    install -D text other/place/text; install -C -v text other/place/text; install -b -m 600 run.sh other/place/text
    ls -A other/place; other=other/place; install -t dir/empty text private; ls -A dir/empty
  `,
  'patch changes, creates, removes and reverses': `
    cp -a dir old; echo changed > dir/a; rm dir/b; echo new > dir/new
    touch -d '2021-01-01' dir/*; diff -ruN old dir > all.patch; rm -r dir; mv old dir
    patch -p0 -b < all.patch; ls -A dir; cat dir/a
    patch -p0 -R < all.patch; ls -A dir; cat dir/a dir/b
    patch -p0 < all.patch > /dev/null; patch -p0 --forward < all.patch; ls -A dir
  `,
  'sed edits in place': `
    sed -i s/two/2/ text; cat text pointer
    sed -i.bak s/base/mount/ dir/*; head dir/*.bak dir/a
    sed -i s/linked/alone/ second; cat first second
    sed -i --follow-symlinks s/one/1/ pointer; readlink pointer; cat text
    sed -i s/three/3/ pointer; [ -L pointer ] || cat pointer text
  `,
  'editors save by renaming': `
    save() { cp -p $1 $1.new; echo "saved $2" >> $1.new; sync $1.new; mv -f $1.new $1; sync .; }
    save text 1; save text 2; save first 1; cat text pointer first second
    mv text text~; echo whole > text; chmod --reference=text~ text; cat pointer; rm text~
    ln -f text text.save; mv -f text.save text 2> /dev/null || echo same file; ls text*; rm -f text.save
    ln -sfn dir/a pointer; ln -sT dir/b pointer.new; mv -T pointer.new pointer; cat pointer
    mv -n dir/a dir/b; mv -b dir/c dir/b; ls -A dir; cat dir/b; mv dir dir2; mv dir2 dir; echo x > dir/empty/x; ls dir/*
  `,
  'tail follows what others append, and a new log': `
    tail -s 0.05 -n +1 -f text > seen & tail -s 0.05 --max-unchanged-stats=1 -F text > seen-all 2> /dev/null & all=$!
    see() { for _ in $(seq 200); do grep -q "$1" $2 && return; sleep 0.05; done; echo "never: $1 in $2"; }
    sh -c 'echo four >> text'; see four seen; see four seen-all
    mv text text.1; echo five > text; see five seen-all; kill $all %1; wait; cat seen seen-all
  `,
  'make builds in parallel, and again only what is older': `
    for i in 1 2 3 4 5 6; do echo "int f$i(void) { return $i; }" > f$i.c; done
    echo 'int main(void) { return 0; }' > main.c
    cat > Makefile <<'END'
objects = main.o f1.o f2.o f3.o f4.o f5.o f6.o
program: main.o lib.a ; @cc -o $@.tmp main.o lib.a && mv -f $@.tmp $@ && echo linked
lib.a: $(objects) ; @ar rcD $@ $(objects) && echo packed
%.o: %.c ; @mkdir -p cache && cc -c -o cache/$@.$$$$ $< && mv -f cache/$@.$$$$ cache/$@ && ln -f cache/$@ $@ && echo compiled $<
END
    make -j4 | sort; make; touch f3.c; make -j4 | sort; make; ./program && echo works; ls -A . cache
  `,
  'find deletes, and knows what is newer and empty': `
    touch mark; echo new > dir/new; find dir -newer mark -type f; find dir -name '[ab]' -delete; find . -empty -print -delete | sort
    find dir -type f -print0 | xargs -0 -P 4 -n 1 rm; find dir -depth | sort; find dir -delete; ls -A
    find . -samefile first | sort; find . -links 2 -type f | sort; find . -perm 400; find . -size +1M | sort
  `,
  'rm removes directories, which can be made anew': `
    rmdir dir 2> /dev/null || echo not empty; rm -rf dir; ls -A; mkdir dir; ls -A dir; echo new > dir/a; rm -rf dir
    mkdir -p dir/deep; ls -A dir/deep; rm -d dir/deep dir; rm text; cat pointer; echo again > pointer; cat text
    rm -f private; rm first; cat second; chmod 500 .; rm -rf second; ls second; chmod 700 .
  `,
  'chmod and chown change whole trees': `
    chmod -R go-rwx dir; chmod -R u=rwX,g=rX,o= .; find . -printf '%p %m\\n' | sort
    chmod 000 text; cat text; chmod 644 text; chmod 1777 dir; chmod g+s dir; mkdir dir/inherits
    chown -R $(id -u):$(id -g) .; [ $(id -u) != 0 ] || { chown -R 1234:4321 dir; chown -h 1:2 pointer; chown 5 first; chmod u+s first; chown 6 first; }
    umask 077; touch new; mkdir newdir; touch -d '2001-02-03 04:05:06' dir text; touch -h -d '2002-03-04 05:06:07' pointer; touch -r text big
    find . -printf '%p %M %U:%G\\n' | sort; stat -c '%n %Y' dir text pointer big
  `,
  'flock keeps others out': `
    hold() { flock "$@" -c 'echo held > ready; while [ ! -e done ]; do sleep 0.02; done' & while [ ! -e ready ]; do sleep 0.02; done; }
    release() { touch done; wait; rm ready done; }
    hold text; flock -n text true || echo locked; flock -n -s text true || echo locked; flock -n big true && echo free; release
    flock -n text echo free; hold -s text; flock -n -s text echo shared; flock -n -x text true || echo locked; release
    hold dir; flock -n dir true || echo locked; flock -n dir/a echo free; release
    exec 9< text; flock -n 9; echo more >> text; flock -n text true || echo locked; exec 9<&-; flock -n text echo free
  `,
  'locks of git keep others out': `
    git() { command git -c user.name=Test -c user.email=t@example.org -c gc.auto=0 "$@"; }
    git init -q -b main; git add -A; git commit -q -m one; touch .git/index.lock
    git add text 2> /dev/null || echo locked; rm .git/index.lock
    for i in $(seq 6); do git branch b$i & done; wait; git pack-refs --all; git for-each-ref | wc -l
    for i in $(seq 6); do git -c core.packedRefsTimeout=-1 update-ref -d refs/heads/b$i & done; wait; git for-each-ref --format='%(refname)'
    for i in 1 2 3; do git worktree add -q -b w$i w$i; done
    for i in 1 2 3; do (cd w$i; echo $i > own$i; git add own$i; git commit -q -m $i) & done; wait
    git merge -q -m all w1 w2 w3; ls
    rm -rf w?; git worktree prune; git fsck; git log --format=%s | sort; rm -rf .git
  `,
  'dd, truncate and fallocate change parts': `
    echo part | dd of=big bs=1 seek=1000000 conv=notrunc status=none; dd if=/dev/zero of=big bs=4k seek=10 count=3 conv=notrunc status=none
    cksum big; truncate -s 2000000 big; truncate -s 2100000 big; cksum big; truncate -s +10 text; cksum text
    fallocate -l 4M long; fallocate -l 10 -o 100 text; cksum long text; echo end >> long; cksum long
    dd if=big of=direct bs=64k iflag=direct oflag=direct status=none; cmp big direct && echo equal
    echo tail | dd of=sparse oflag=append conv=notrunc status=none; cksum sparse; : > dir/a; echo short > big; cat big
    sort -r -o text text; shuf -n 0 -o dir/b dir/c; split -n 3 dir/c part.; cat part.* | tee -a dir/c; ls -A . dir
  `,
  'holes are made and found': `
    fallocate -p -o 1M -l 512k big; fallocate -z -o 100 -l 5000 big; cksum big; fallocate -d sparse; cksum sparse
    fallocate -p -o 4k -l 8k text; cksum text
  `,
  'open files live on': `
    exec 3< text 4<> big 5>> dir/a; rm text big dir/a; cat <&3; echo changed >&4; head -c 30 /dev/fd/4 | tail -n 1
    echo new > text; cat <&3; cat text; echo more >&5; rm -rf dir; ls -A; exec 3<&- 4<&- 5<&-
    mkdir here; cd here; touch file; mv ../here ../there; basename "$(pwd -P)"; ls; echo x > ../file; cat ../there/../file; rm file; rmdir ../there; touch file || echo gone; cd ..
    mkfifo pipe; echo through > pipe & cat pipe; wait; ls -A
  `,
  'gzip and xz replace files': `
    gzip text; stat -c '%Y %a' text.gz; gunzip text.gz; stat -c '%Y %a' text; gzip first; gzip -f first; ls -A
    xz -0 big; xz -d big.xz; cksum big; tar -czf all.tgz dir text; tar -tf all.tgz | sort; rm -r dir; tar -xf all.tgz; stat -c '%n %Y' dir dir/* text
  `,
  'tar packs changes only, and all there is': `
    tar --create --file=/dev/null --listed-incremental=state --verbose dir | sort
    echo changed > dir/a; mv dir/deep dir/moved; ln dir/b dir/link; mkdir dir/newdir; rm dir/c; sleep 0.01
    tar --create --file=part.tar --listed-incremental=state --verbose dir | sort
    mkdir whole; mknod -m 600 pipe p; setfattr -n user.test -v value text
    tar --create --sparse --xattrs --exclude=whole --exclude=*.tar --exclude=state . | tar --extract --xattrs --xattrs-include=* --sparse --same-permissions --directory=whole
    rsync -aHXni --delete --exclude=whole --exclude=*.tar --exclude=state ./ whole/; stat -c '%n %Y' whole/text; rm state part.tar
  `,
  'rsync updates, in place too': `
    rsync -aHAX --exclude=target ./ target; rsync -aHAXi --exclude=target ./ target; echo more >> big; echo changed > dir/a; rm dir/b
    rsync -aHi --inplace --no-whole-file --delete --exclude=target ./ target | sed 's/^\\(.f\\)[^ ]*/\\1/'
    echo tail >> big; rsync -a --append-verify big target/big; cmp big target/big; rsync -aHni --exclude=target ./ target; rsync -a --link-dest="$PWD/dir" dir/ target/dir2
    [ dir/c -ef target/dir2/c ] && echo same; rsync -a --remove-source-files dir/ moved; find dir moved | sort
  `,
};

for (const [who, user] of [
  ['root', currentUser],
  ['an ordinary user', ordinaryUser],
] as const) {
  describe(`tools in a mount and in a plain directory, as ${who}`, () => {
    const sandbox = useSandbox('suite', user);
    let base: string;
    let plain: string;
    let mount: string;

    before(async () => {
      base = sandbox().directory('base');
      const pattern = sandbox().directory('pattern');
      await sh(pattern, prepare);
      for (const name of Object.keys(scripts)) await sh(base, `cp -a ${pattern} ${directoryOf(name)}`);
      plain = sandbox().directory('plain');
      await sh(plain, `cp -a ${base}/. .`);
      ({ mount } = await sandbox().cowspace.create([base], '--name', 'a'));
    });

    for (const [name, script] of Object.entries(scripts)) {
      it(name, async () => {
        const places = [mount, plain].map((root) => join(root, directoryOf(name)));
        for (const each of [script, facts, linkCounts]) {
          const [actual, expected] = await Promise.all(places.map((place) => sh(place, each)));
          assert.equal(actual, expected);
        }
      });
    }

    it('leave the same after a remount, and in the base after a commit', async () => {
      const expected = await sh(plain, facts);
      await sandbox().cowspace.json(['unmount', 'a']);
      await sandbox().cowspace.mount('a');
      assert.equal(await sh(mount, facts), expected);
      await sandbox().cowspace.commit('a');
      assert.equal(await sh(base, facts), expected);
      assert.equal(await sh(base, linkCounts), await sh(plain, linkCounts));
      assert.equal(await sh(mount, facts), expected);
      assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
    });

    /** What the script prints, errors included. */
    async function sh(cwd: string, script: string): Promise<string> {
      const line = ['-c', `export LC_ALL=C; exec 2>&1; ${script}`];
      const { stdout, signal } = await sandbox().cowspace.runInside(cwd, 'bash', line);
      assert.equal(signal, null);
      return stdout;
    }
  });
}

function directoryOf(script: string): string {
  return script.replaceAll(/\W+/g, '-');
}
