import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { assertSame, type Image, readImage } from './support/image';
import { EngineSandbox, withDisk } from './support/sandbox';

/** Link counts and identities of a merged tree are the mount's own affair. */
const LENIENCY = { links: true };

/** The scratch's upper tree is one of kernel overlayfs; docs/SCRATCH-FORMAT.md says how far. */
describe('A scratch and kernel overlayfs', () => {
  let sandbox: EngineSandbox;
  let merged: string;

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });

  beforeEach(() => {
    sandbox = new EngineSandbox();
    merged = sandbox.directory('merged');
    const [base] = sandbox.bases;
    for (const directory of ['kept', 'replaced/sub', 'removed/sub']) {
      mkdirSync(join(base!, directory), { recursive: true });
      writeFileSync(join(base!, directory, 'file'), directory);
    }
    writeFileSync(join(base!, 'file'), 'old');
  });

  afterEach(() => {
    spawnSync('umount', [merged]);
    sandbox.dispose();
  });

  function mountOverlay(options: string): void {
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged], {
      stdio: 'pipe',
      timeout: 60_000,
    });
  }

  function unmount(): void {
    execFileSync('umount', [merged], { stdio: 'pipe', timeout: 60_000 });
  }

  /** All that the format has words for. */
  function change(): void {
    const { mount } = sandbox;
    mount.mknod('created', 0o100640, 0);
    mount.write('created', 0, Buffer.from('new'));
    mount.write('file', 0, Buffer.from('new'));
    mount.write('kept/file', 4, Buffer.from('more'));
    mount.unlink('removed/sub/file');
    mount.rmdir('removed/sub');
    mount.unlink('replaced/sub/file');
    mount.rmdir('replaced/sub');
    mount.mkdir('replaced/sub', 0o750);
    mount.symlink('replaced/sub/link', '../../file');
    mount.mknod('.wh.created', 0o100644, 0);
  }

  /** The layers, uppermost first, as the kernel merges them without writing. */
  function layers(): string {
    return `lowerdir=${join(sandbox.scratch, 'upper')}:${sandbox.bases[0]!}`;
  }

  function assertKernelShowsTheSame(options: string): void {
    const expected = readImage(sandbox.mount);
    sandbox.close();
    mountOverlay(`${layers()}${options}`);
    assertSame('kernel overlayfs', visible(withDisk(merged, readImage)), expected, LENIENCY);
    unmount();
  }

  it('shows the same there, by attributes of root', () => {
    change();
    assertKernelShowsTheSame('');
  });

  it('shows the same there, by attributes of users', () => {
    change();
    assertKernelShowsTheSame(',userxattr');
  });

  it('shows the same there, by whiteouts that are attributes', function () {
    if (!kernelReadsXattrWhiteouts()) this.skip();
    sandbox.presetXattrWhiteouts();
    change();
    // Whiteouts in a directory that was copied up, one that merges again, one that was there, and the root.
    const { mount } = sandbox;
    mount.unlink('kept/file');
    mount.rmdir('removed');
    mount.mkdir('removed', 0o755);
    sandbox.run(sandbox.engine.discard({ paths: ['removed/sub'] }));
    mount.rename('file', 'replaced/sub/moved', 0);
    assertKernelShowsTheSame(',userxattr');
  });

  for (const options of ['', ',userxattr']) {
    it(`shows what was done there${options}`, () => {
      // Opened once, so that the scratch exists.
      readImage(sandbox.mount);
      sandbox.close();
      const { scratch, bases } = sandbox;
      const work = sandbox.directory('overlay-work');
      mountOverlay(`lowerdir=${bases[0]!},upperdir=${join(scratch, 'upper')},workdir=${work}${options}`);
      rmSync(join(merged, 'removed'), { recursive: true });
      rmSync(join(merged, 'replaced'), { recursive: true });
      mkdirSync(join(merged, 'replaced'));
      writeFileSync(join(merged, 'replaced/created'), 'new');
      writeFileSync(join(merged, 'file'), 'new');
      const expected = visible(withDisk(merged, readImage));
      unmount();
      assertSame('the engine', readImage(sandbox.mount), expected, LENIENCY);
      const { changes } = sandbox.engine;
      sandbox.run(changes.update());
      assert.deepEqual(
        changes.list().changes.map(({ kind, path }) => `${kind} ${path}`),
        ['changed file', 'whiteout removed', 'created replaced/created', 'whiteout replaced/sub'],
      );
    });
  }
});

/** Since Linux 6.7. */
function kernelReadsXattrWhiteouts(): boolean {
  const [major, minor] = release().split('.').map(Number);
  return major! > 6 || (major === 6 && minor! >= 7);
}

/** Without the attributes that mounts of cowspace hide. */
function visible(image: Image): Image {
  const isPrivate = (name: string): boolean => /^(user\.cowspace|(user|trusted)\.overlay)\./.test(name);
  return new Map(
    [...image].map(([path, entry]) => [
      path,
      { ...entry, xattrs: new Map([...entry.xattrs].filter(([name]) => !isPrivate(name))) },
    ]),
  );
}
