import { strict as assert } from 'node:assert';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runChecked } from '../support/command';
import { makeBase, operations, prepare } from '../support/everyOperation';
import { mountImage } from '../support/images';
import { mountsBelow } from '../support/mounts';
import { useSandbox } from '../support/sandbox';
import { snapshot, tree } from '../support/snapshot';
import { ordinaryUser } from '../support/users';

const MIB = 1 << 20;
const COUNT = 2;

describe('a base', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  it('may be read-only: all but a commit works, which says so and leaves everything', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const base = sandbox().directory('base');
    makeBase(base, COUNT);
    writeFileSync(join(base, 'large'), Buffer.alloc(2 * MIB, 'b'));
    await runChecked('mount', ['--bind', base, base]);
    sandbox().onDispose(async () => {
      await runChecked('umount', ['--lazy', base]);
    });
    await runChecked('mount', ['-o', 'remount,bind,ro', base]);
    const before = snapshot(base);
    const { cowspace } = sandbox();
    const { mount } = await cowspace.create([base], '--name', 'a');
    prepare(mount, COUNT);
    for (let i = 0; i < COUNT; i++) for (const operation of Object.values(operations)) operation(mount, i);
    writeFileSync(join(mount, 'large'), 'changed', { flag: 'r+' });
    const after = tree(mount);
    const { changes } = await cowspace.status('a');
    await assert.rejects(cowspace.commit('a'), /read-only/);
    await assert.rejects(cowspace.commit('a', 'large'), /read-only/);
    await cowspace.mountAfterCrash((await cowspace.list())[0]!);
    assert.deepEqual(tree(mount), after);
    assert.deepEqual((await cowspace.status('a')).changes, changes);
    assert.deepEqual(snapshot(base), before);
    await cowspace.discard('a', 'large');
    await runChecked('mount', ['-o', 'remount,bind,rw', base]);
    await cowspace.commit('a');
    assert.equal(readFileSync(join(base, 'written1'), 'utf8').slice(0, 9), 'WRITTEN 1');
  });

  it('may vanish while it is mounted: its files are gone, what was written is not', async () => {
    const base = sandbox().directory('base');
    makeBase(base, COUNT);
    writeFileSync(join(base, 'large'), Buffer.alloc(2 * MIB, 'b'));
    const { cowspace } = sandbox();
    const { mount } = await cowspace.create([base], '--name', 'a');
    writeFileSync(join(mount, 'new'), 'new');
    writeFileSync(join(mount, 'written0'), 'changed');
    writeFileSync(join(mount, 'large'), 'changed', { flag: 'r+' });
    const aside = `${base}-aside`;
    renameSync(base, aside);
    mkdirSync(base);
    rmSync(aside, { recursive: true });
    assert.equal(readFileSync(join(mount, 'new'), 'utf8'), 'new');
    assert.equal(readFileSync(join(mount, 'written0'), 'utf8'), 'changed');
    writeFileSync(join(mount, 'more'), 'more');
    const { changes } = await cowspace.status('a');
    assert.ok(changes.some(({ path }) => path === 'new'));
    const result = await cowspace.run(['commit', 'a', '--json']);
    assert.equal(result.code, 1, result.stdout);
    assert.match(result.stderr, /"code":"(conflict|io|not-found)"/);
    await cowspace.json(['unmount', 'a']);
    // Another folder in its place that is empty is taken for a disk that is not mounted.
    await assert.rejects(cowspace.mount('a'), /The base .* is empty.*mount the disk/);
    rmSync(base, { recursive: true });
    await assert.rejects(cowspace.mount('a'), /The base .* does not exist/);
    const scratch = join(cowspace.home, 'workspaces/a/scratch');
    assert.equal(readFileSync(join(scratch, 'upper/more'), 'utf8'), 'more');
  });

  it('is missed when its disk is not mounted, before anything is done', async function () {
    const disk = await mountImage(this, sandbox(), 'ext4', 16 * MIB, { name: 'disk' });
    makeBase(disk, COUNT);
    const { cowspace } = sandbox();
    const { mount } = await cowspace.create([disk], '--name', 'a');
    writeFileSync(join(mount, 'written0'), 'changed');
    await cowspace.json(['unmount', 'a']);
    await runChecked('umount', [disk]);
    sandbox().onDispose(async () => {
      // The sandbox unmounts it once more.
      if (!mountsBelow(disk).includes(disk))
        await runChecked('mount', ['-o', 'loop', sandbox().path('disk.img'), disk]);
    });
    await assert.rejects(cowspace.mount('a'), /The base .*disk is empty.*mount the disk/);
    await runChecked('mount', ['-o', 'loop', sandbox().path('disk.img'), disk]);
    await cowspace.mount('a');
    assert.equal(readFileSync(join(mount, 'written0'), 'utf8'), 'changed');
    assert.equal((await cowspace.status('a')).changes.length, 1);
    assert.ok(existsSync(join(mount, 'unlinked0')));
  });
});

describe('a base of an ordinary user', () => {
  const sandbox = useSandbox('test', ordinaryUser);

  it('may have a directory that cannot be read: that a new one hides more than is listed is said', async () => {
    const base = sandbox().directory('base');
    const { cowspace } = sandbox();
    await cowspace.runInside(base, 'sh', ['-ec', 'mkdir dir; touch dir/hidden']);
    const { mount } = await cowspace.create([base], '--name', 'a');
    await cowspace.runInside(mount, 'sh', ['-ec', 'rm -r dir; mkdir dir']);
    const changes = async (): Promise<string[]> =>
      (await cowspace.status('a')).changes.map(({ kind, path }) => `${kind} ${path}`);
    assert.deepEqual(await changes(), ['whiteout dir/hidden']);
    await cowspace.json(['unmount', 'a']);
    chmodSync(join(base, 'dir'), 0o300);
    await cowspace.mount('a');
    assert.deepEqual(await changes(), ['changed dir']);
    const { lines } = await cowspace.json<{ lines: string[] }>(['logs', 'a']);
    assert.match(lines.join('\n'), /error dir: cannot be compared with its base: EACCES/);
    // Which makes it readable.
    await cowspace.commit('a');
    assert.deepEqual(await changes(), ['whiteout dir/hidden']);
    await cowspace.commit('a');
    assert.deepEqual(readdirSync(join(base, 'dir')), []);
  });
});
