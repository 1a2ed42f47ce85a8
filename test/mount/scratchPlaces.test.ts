import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../support/command';
import { makeBase, operations, prepare } from '../support/everyOperation';
import { mountImage } from '../support/images';
import { type Sandbox, useSandbox } from '../support/sandbox';
import { tree } from '../support/snapshot';

const MIB = 1 << 20;
/** How many base entries there are for each operation. */
const COUNT = 2;

/** Mounts a file system that needs no image; skips where that cannot be done. */
async function mountPlain(
  context: Mocha.Context,
  sandbox: Sandbox,
  type: string,
  options: string,
): Promise<string> {
  if (process.getuid?.() !== 0) context.skip();
  const place = sandbox.directory(type);
  const { code, stderr } = await runCommand('mount', ['-t', type, '-o', options, type, place]);
  if (code !== 0) {
    console.log(`      skipped: ${stderr.trim()}`);
    context.skip();
  }
  return place;
}

const places: Record<string, (context: Mocha.Context, sandbox: Sandbox) => Promise<string>> = {
  tmpfs: (context, sandbox) => mountPlain(context, sandbox, 'tmpfs', 'size=64m'),
  ext4: (context, sandbox) => mountImage(context, sandbox, 'ext4', 64 * MIB),
  xfs: (context, sandbox) => mountImage(context, sandbox, 'xfs', 320 * MIB),
  btrfs: (context, sandbox) => mountImage(context, sandbox, 'btrfs', 128 * MIB),
  // A container's own disk often is one. It refuses device whiteouts.
  overlay: (context, sandbox) => {
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => sandbox.directory('layers', name));
    return mountPlain(context, sandbox, 'overlay', `lowerdir=${lower!},upperdir=${upper!},workdir=${work!}`);
  },
};

describe('a scratch', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  for (const [type, mountPlace] of Object.entries(places)) {
    it(`may lie on ${type}`, async function () {
      const place = await mountPlace(this, sandbox());
      const base = sandbox().directory('base');
      const twin = sandbox().directory('twin');
      makeBase(base, COUNT);
      makeBase(twin, COUNT);
      const { cowspace } = sandbox();
      const scratch = join(place, 'scratch');
      let info = await cowspace.create([base], '--name', 'a', '--scratch', scratch);
      const { whiteouts } = JSON.parse(readFileSync(join(scratch, 'cowspace.json'), 'utf8')) as {
        whiteouts: string;
      };
      assert.equal(whiteouts, type === 'overlay' ? 'xattr' : 'device');
      for (const root of [info.mount, twin]) {
        prepare(root, COUNT);
        for (let i = 0; i < COUNT; i++) for (const operation of Object.values(operations)) operation(root, i);
      }
      const { changes } = await cowspace.status('a');
      info = await cowspace.mountAfterCrash(info);
      assert.deepEqual(tree(info.mount), tree(twin));
      assert.deepEqual((await cowspace.status('a')).changes, changes);
      await cowspace.discard('a', 'written0', 'unlinked0', 'moved0');
      await cowspace.json(['undo', 'a']);
      assert.deepEqual(tree(info.mount), tree(twin));
      await cowspace.commit('a');
      assert.deepEqual(tree(base), tree(twin));
      assert.deepEqual((await cowspace.status('a')).changes, []);
    });
  }

  it('is refused on a file system without attributes of users, and nothing is left', async function () {
    const place = await mountPlain(this, sandbox(), 'ramfs', 'rw');
    const base = sandbox().directory('base');
    const args = ['create', base, '--name', 'a', '--scratch', join(place, 'scratch')];
    const { code, stderr } = await sandbox().cowspace.run(args);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /takes no extended attributes of users.*Choose a scratch on another file system with --scratch/,
    );
    assert.deepEqual(await sandbox().cowspace.list(), []);
    assert.deepEqual([...tree(place).keys()], []);
  });
});
