import { strict as assert } from 'node:assert';
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { mountImage } from '../support/images';
import { useSandbox } from '../support/sandbox';
import { snapshot } from '../support/snapshot';

const MIB = 1 << 20;
/** How many base entries there are for each operation. */
const COUNT = 14;

/** What programs do, each to an entry of its own. */
const operations: Record<string, (root: string, i: number) => void> = {
  create: (root, i) => {
    writeDurably(join(root, `new${i}`), `new ${i}`, 'wx');
  },
  write: (root, i) => {
    writeDurably(join(root, `written${i}`), `WRITTEN ${i}`.padEnd(3000, '!'), 'r+');
  },
  append: (root, i) => {
    writeDurably(join(root, `appended${i}`), 'more', 'a');
  },
  chmod: (root, i) => {
    chmodSync(join(root, `chmod${i}`), 0o600);
  },
  unlink: (root, i) => {
    unlinkSync(join(root, `unlinked${i}`));
  },
  rename: (root, i) => {
    renameSync(join(root, `renamed${i}`), join(root, `there${i}`));
  },
  renameDirectory: (root, i) => {
    renameSync(join(root, `directory${i}`), join(root, `moved${i}`));
  },
  makeDirectory: (root, i) => {
    mkdirSync(join(root, `made${i}`));
  },
  removeDirectory: (root, i) => {
    rmdirSync(join(root, `empty${i}`));
  },
  replaceDirectory: (root, i) => {
    mkdirSync(join(root, `gone${i}`));
  },
  link: (root, i) => {
    linkSync(join(root, `linked${i}`), join(root, `link${i}`));
  },
  symlink: (root, i) => {
    symlinkSync('x'.repeat(100), join(root, `symlink${i}`));
  },
  inside: (root, i) => {
    writeDurably(join(root, `inside${i}/new`), `inside ${i}`, 'w');
  },
};

function makeBase(base: string): void {
  for (let i = 0; i < COUNT; i++) {
    for (const name of ['written', 'appended', 'chmod', 'unlinked', 'renamed', 'linked'])
      writeFileSync(join(base, `${name}${i}`), `${name} ${i}`);
    for (const name of ['directory', 'empty', 'gone', 'inside']) mkdirSync(join(base, `${name}${i}`));
    writeFileSync(join(base, `directory${i}/file`), `file ${i}`);
  }
}

function writeDurably(path: string, text: string, flags: string): void {
  const fd = openSync(path, flags);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

describe('a scratch on a full disk', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  /** Fills the disk, does all operations to two trees as far as the first takes them, and compares them. */
  async function fill(scratch: string, ballast: (mount: string) => void): Promise<void> {
    const base = sandbox().directory('base');
    const twin = sandbox().directory('twin');
    makeBase(base);
    makeBase(twin);
    const before = snapshot(base);
    const { cowspace } = sandbox();
    let info = await cowspace.create([base], '--name', 'full', '--scratch', scratch);
    for (const root of [info.mount, twin]) for (let i = 0; i < COUNT; i++) rmdirSync(join(root, `gone${i}`));
    ballast(info.mount);
    const refused: [string, number][] = [];
    for (let i = 0; i < COUNT; i++) {
      for (const [name, operation] of Object.entries(operations)) {
        if (takes(() => operation(info.mount, i))) operation(twin, i);
        else refused.push([name, i]);
      }
    }
    const kinds = [...new Set(refused.map(([name]) => name))];
    assert.ok(
      kinds.length > 4 && refused.length < COUNT * 13 - 20,
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
    await fill(scratch, (mount) => {
      fillUp(join(mount, 'ballast'));
      // Some of it fits.
      truncateSync(join(mount, 'ballast'), statSync(join(mount, 'ballast')).size - (80 << 10));
    });
  });

  it('does so when it is inodes that it lacks', async function () {
    const disk = await mountImage(this, sandbox(), 'ext4', 32 * MIB, { mkfs: ['-N', '400'] });
    await fill(join(disk, 'scratch'), (mount) => {
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
    makeBase(base);
    for (const name of ['patched', 'rewritten']) writeFileSync(join(base, name), Buffer.alloc(3 * MIB, 'b'));
    const { cowspace } = sandbox();
    const { mount } = await cowspace.create([base], '--name', 'full');
    const before = tree(base);
    for (let i = 0; i < COUNT; i++) rmdirSync(join(mount, `gone${i}`));
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

function fillUp(path: string): void {
  const fd = openSync(path, 'a');
  try {
    for (const size of [512 << 10, 4096]) {
      const append = (): void => {
        writeSync(fd, Buffer.alloc(size, 1));
        fsyncSync(fd);
      };
      while (takes(append));
    }
  } finally {
    takes(() => closeSync(fd));
  }
}

function overwrite(path: string, length: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(length, 's'), 0, length, 0);
  fsyncSync(fd);
  closeSync(fd);
}

/** Whether there was room for it. */
function takes(operation: () => void): boolean {
  try {
    operation();
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC', String(error));
    return false;
  }
}

/** Kind, mode and contents of all that is below a directory. */
function tree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    const { mode, nlink } = lstatSync(join(root, path));
    const type = mode & constants.S_IFMT;
    const contents =
      type === constants.S_IFREG
        ? `${nlink} ${readFileSync(join(root, path), 'utf8')}`
        : type === constants.S_IFLNK
          ? readlinkSync(join(root, path))
          : '';
    found.set(path, `${mode.toString(8)} ${contents}`);
  }
  return found;
}
