import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { runChecked } from '../support/command';
import { makeBase, operations, prepare } from '../support/everyOperation';
import { mountImage } from '../support/images';
import { useSandbox } from '../support/sandbox';
import { snapshot, tree } from '../support/snapshot';

type Full = 'ENOSPC' | 'EDQUOT';

const MIB = 1 << 20;
/** How many base entries there are for each operation. */
const COUNT = 14;

describe('a scratch on a full disk', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  /** Fills the disk, does all operations to two trees as far as the first takes them, and compares them. */
  async function fill(scratch: string, errno: Full, ballast: (mount: string) => void): Promise<void> {
    const base = sandbox().directory('base');
    const twin = sandbox().directory('twin');
    makeBase(base, COUNT);
    makeBase(twin, COUNT);
    const before = snapshot(base);
    const { cowspace } = sandbox();
    let info = await cowspace.create([base], '--name', 'full', '--scratch', scratch);
    for (const root of [info.mount, twin]) prepare(root, COUNT);
    ballast(info.mount);
    const refused: [string, number][] = [];
    for (let i = 0; i < COUNT; i++) {
      for (const [name, operation] of Object.entries(operations)) {
        if (takes(() => operation(info.mount, i), errno)) operation(twin, i);
        else refused.push([name, i]);
      }
    }
    const kinds = [...new Set(refused.map(([name]) => name))];
    assert.ok(
      kinds.length > 4 && refused.length < COUNT * Object.keys(operations).length - 5,
      `${refused.length} refused: ${kinds.join(' ')}`,
    );
    // What was refused may be in the kernel's cache still.
    info = await cowspace.mountAfterCrash(info);
    for (const [name, i] of refused) {
      if (name === 'create') rmSync(join(info.mount, `new${i}`), { force: true });
      if (name === 'inside') rmSync(join(info.mount, `inside${i}/new`), { force: true });
    }
    const kept = tree(info.mount);
    for (const path of kept.keys()) if (/^ballast/.test(path)) kept.delete(path);
    assert.deepEqual(kept, tree(twin));
    rmSync(join(info.mount, 'ballast'), { recursive: true });
    for (const [name, i] of refused) for (const root of [info.mount, twin]) operations[name]!(root, i);
    assert.deepEqual(tree(info.mount), tree(twin));
    assert.deepEqual(snapshot(base), before);
    assert.doesNotMatch((await cowspace.run(['doctor'])).stdout, /fail/);
    await cowspace.commit('full');
    assert.deepEqual(tree(base), tree(twin));
    assert.deepEqual((await cowspace.status('full')).changes, []);
  }

  it('refuses what needs room, keeps all else, and goes on when there is room', async function () {
    const scratch = join(await mountImage(this, sandbox(), 'ext4', 8 * MIB), 'scratch');
    await fill(scratch, 'ENOSPC', (mount) => {
      fillUp(join(mount, 'ballast'));
      // Some of it fits.
      truncateSync(join(mount, 'ballast'), statSync(join(mount, 'ballast')).size - (80 << 10));
    });
  });

  it('does so when it is a quota that ends', async function () {
    if (spawnSync('btrfs', ['--version']).error) this.skip();
    const disk = await mountImage(this, sandbox(), 'btrfs', 128 * MIB);
    for (const command of [
      ['subvolume', 'create', `${disk}/volume`],
      ['quota', 'enable', disk],
      ['qgroup', 'limit', '4M', `${disk}/volume`],
    ])
      await runChecked('btrfs', command);
    await fill(join(disk, 'volume/scratch'), 'EDQUOT', (mount) => {
      fillUp(join(mount, 'ballast'), 'EDQUOT');
      // Some of it fits.
      spawnSync('btrfs', ['qgroup', 'limit', '4300K', `${disk}/volume`]);
    });
  });

  it('does so when it is inodes that it lacks', async function () {
    const disk = await mountImage(this, sandbox(), 'ext4', 32 * MIB, { mkfs: ['-N', '400'] });
    await fill(join(disk, 'scratch'), 'ENOSPC', (mount) => {
      mkdirSync(join(mount, 'ballast'));
      for (let i = 0; takes(() => writeFileSync(join(mount, `ballast/${i}`), '')); i++);
      for (const name of readdirSync(join(mount, 'ballast')).slice(0, 50))
        unlinkSync(join(mount, 'ballast', name));
    });
  });
});

describe('a commit to a full disk', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  it('says so, leaves each file old or new and the mount as it was, and can be repeated', async function () {
    const disk = await mountImage(this, sandbox(), 'ext4', 24 * MIB);
    const base = join(disk, 'base');
    mkdirSync(base);
    makeBase(base, COUNT);
    for (const name of ['patched', 'rewritten']) writeFileSync(join(base, name), Buffer.alloc(3 * MIB, 'b'));
    const { cowspace } = sandbox();
    const { mount } = await cowspace.create([base], '--name', 'full');
    const before = tree(base);
    prepare(mount, COUNT);
    for (let i = 0; i < COUNT; i++) for (const operation of Object.values(operations)) operation(mount, i);
    overwrite(join(mount, 'patched'), 4096);
    overwrite(join(mount, 'rewritten'), 3 * MIB);
    for (let i = 0; i < 3; i++) writeFileSync(join(mount, `large${i}`), Buffer.alloc(MIB, `${i}`));
    const after = tree(mount);
    fillUp(join(disk, 'ballast'));
    for (const room of [0, 512 << 10, 2 * MIB]) {
      truncateSync(join(disk, 'ballast'), statSync(join(disk, 'ballast')).size - room);
      await assert.rejects(cowspace.commit('full'), /"code":"io","message":"ENOSPC/);
      assert.deepEqual(tree(mount), after);
      const now = tree(base);
      for (const [path, entry] of now) {
        const known = [before.get(path), after.get(path)];
        assert.ok(known.includes(entry), `${path} is torn: ${entry.slice(0, 60)}`);
      }
      fillUp(join(disk, 'ballast'));
    }
    rmSync(join(disk, 'ballast'));
    await cowspace.commit('full');
    assert.deepEqual((await cowspace.status('full')).changes, []);
    assert.deepEqual(tree(base), after);
    assert.deepEqual(tree(mount), after);
  });
});

function fillUp(path: string, errno: Full = 'ENOSPC'): void {
  const fd = openSync(path, 'a');
  try {
    for (const size of [512 << 10, 4096]) {
      const append = (): void => {
        writeSync(fd, Buffer.alloc(size, 1));
        fsyncSync(fd);
      };
      while (takes(append, errno));
    }
  } finally {
    takes(() => closeSync(fd), errno);
  }
}

function overwrite(path: string, length: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(length, 's'), 0, length, 0);
  fsyncSync(fd);
  closeSync(fd);
}

/** Whether there was room for it. */
function takes(operation: () => void, errno: Full = 'ENOSPC'): boolean {
  try {
    operation();
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).errno, -osConstants.errno[errno], String(error));
    return false;
  }
}
