import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';

/** Milliseconds in which directories become links and back while programs work. */
const DURATION = 4000;

/**
 * Lets each path be a directory and a link to somewhere else in turn, as fast as it goes, until its input ends. The links
 * are relative: who follows them in the layers gets there, and programs, who follow them in the mount, get nowhere.
 */
const swapper = `
import ctypes, os, select, sys
libc = ctypes.CDLL(None)
def exchange(a, b):
    libc.renameat2(-100, a.encode(), -100, b.encode(), 2)
outside, *paths = sys.argv[1:]
for path in paths:
    os.symlink(os.path.relpath(outside, os.path.dirname(path)), path + '.link')
print('ready', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for path in paths:
        exchange(path, path + '.link')
for path in paths:
    if os.path.islink(path):
        exchange(path, path + '.link')
    if os.path.islink(path + '.link'):
        os.unlink(path + '.link')
`;

describe('directories that become links while programs work', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  it('lead nowhere between a look at them and the first use', async () => {
    const base = sandbox().directory('base');
    const outside = sandbox().directory('outside');
    for (const directory of [join(base, 'a/dir'), join(base, 'b/dir'), outside]) {
      mkdirSync(directory, { recursive: true });
      for (const name of ['file', 'other'])
        writeFileSync(join(directory, name), directory === outside ? 'secret' : 'base');
    }
    const before = snapshot(outside);
    const { cowspace } = sandbox();
    const { mount, scratch } = await cowspace.create([base], '--name', 'a');
    writeFileSync(join(mount, 'b/dir/other'), 'changed');
    await cowspace.json(['unmount', 'a']);
    await cowspace.mount('a');
    const directories = [join(mount, 'a/dir'), join(mount, 'b/dir')];
    for (const directory of directories) assert.ok(lstatSync(directory).isDirectory());
    for (const place of [join(base, 'a/dir'), join(scratch, 'upper/b/dir')]) {
      renameSync(place, `${place}.away`);
      symlinkSync(relative(dirname(place), outside), place);
    }
    const seen: string[] = [];
    for (const directory of directories) {
      attempt(() => seen.push(...readdirSync(directory)));
      attempt(() => seen.push(readFileSync(join(directory, 'file'), 'utf8')));
      attempt(() => seen.push(readFileSync(join(directory, 'other'), 'utf8')));
      attempt(() => {
        writeFileSync(join(directory, 'other'), 'written');
      });
      attempt(() => {
        writeFileSync(join(directory, 'new'), 'written');
      });
    }
    assert.ok(!seen.includes('secret'), seen.join());
    assert.deepEqual(snapshot(outside), before);
  });

  it('lead nowhere while they come and go, neither in a base nor in the scratch', async () => {
    const base = sandbox().directory('base');
    // What is outside looks like the directories that links to it take the place of.
    const outside = sandbox().directory('outside');
    for (const directory of [join(base, 'a/dir'), join(base, 'b/dir'), outside]) {
      mkdirSync(join(directory, 'sub'), { recursive: true });
      const text = directory === outside ? 'secret' : 'base';
      for (const name of ['file', 'other', 'sub/file'])
        writeFileSync(join(directory, name), text, { mode: 0o640 });
      if (directory === outside) writeFileSync(join(directory, 'outside-only'), text);
    }
    const before = snapshot(outside);
    const { cowspace } = sandbox();
    const { mount, scratch } = await cowspace.create([base], '--name', 'a');
    // Copied up, so that both layers have it.
    writeFileSync(join(mount, 'b/dir/other'), 'changed');
    const child = spawn(
      'python3',
      ['-c', swapper, outside, join(base, 'a/dir'), join(scratch, 'upper/b/dir')],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    sandbox().onDispose(async () => {
      if (child.exitCode !== null) return;
      child.kill();
      await once(child, 'close');
    });
    await once(child.stdout, 'data');
    const seen: string[] = [];
    const works = [
      (dir: string) => seen.push(...readdirSync(dir)),
      (dir: string) =>
        seen.push(readFileSync(join(dir, 'file'), 'utf8'), readFileSync(join(dir, 'sub/file'), 'utf8')),
      (dir: string) => {
        writeFileSync(join(dir, 'file'), 'written');
      },
      (dir: string) => {
        writeFileSync(join(dir, 'new'), 'written');
      },
      (dir: string) => {
        renameSync(join(dir, 'other'), join(dir, 'renamed'));
      },
      (dir: string) => {
        renameSync(join(dir, 'renamed'), join(dir, 'other'));
      },
      (dir: string) => {
        rmSync(join(dir, 'sub/file'));
      },
    ];
    const end = performance.now() + DURATION;
    const commands = (async () => {
      while (performance.now() < end)
        for (const command of ['commit', 'discard', 'undo', 'status']) await cowspace.run([command, 'a']);
    })();
    let rounds = 0;
    for (; performance.now() < end; rounds++) {
      for (const dir of ['a/dir', 'b/dir']) for (const work of works) attempt(() => work(join(mount, dir)));
      await new Promise(setImmediate);
    }
    await commands;
    child.stdin.end();
    await once(child, 'close');
    assert.ok(rounds > 10, `${rounds} rounds`);
    assert.deepEqual(
      seen.filter((each) => /secret|outside-only/.test(each)),
      [],
    );
    assert.deepEqual(snapshot(outside), before);
    // The workspace survived it.
    writeFileSync(join(mount, 'still'), 'works');
    assert.equal(readFileSync(join(mount, 'still'), 'utf8'), 'works');
  });
});

/** What is swapped under a program may well give an error; programs go on. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    assert.ok((error as NodeJS.ErrnoException).errno, String(error));
    assert.notEqual((error as NodeJS.ErrnoException).code, 'ENOTCONN');
  }
}
