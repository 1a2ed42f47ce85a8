import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RENAME_EXCHANGE } from '../../../src/sys/file';
import { S_IFREG } from '../../../src/sys/stat';
import { assertSame, readImage } from './support/image';
import type { MountTree } from './support/mountTree';
import { EngineSandbox } from './support/sandbox';

describe('Discard of what other entries stand on', () => {
  let sandbox: EngineSandbox;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    mkdirSync(join(sandbox.bases[0]!, 'directory'), 0o755);
    writeFileSync(join(sandbox.bases[0]!, 'directory/file'), 'base');
    writeFileSync(join(sandbox.bases[0]!, 'file'), 'base');
  });

  afterEach(() => {
    sandbox.dispose();
  });

  /** Discards all, or one path: the base is as it was, and undo brings all of it back. Returns what was discarded. */
  function assertComesBack(paths?: string[]): string[] {
    const { engine, mount } = sandbox;
    const before = { image: readImage(mount), list: sandbox.listed() };
    const { items, undoId } = sandbox.run(engine.discard({ ...(paths && { paths }) }));
    assertSame('the mount', readImage(mount), sandbox.baseImage(), { directoryTimes: true });
    assert.deepEqual(sandbox.listed(), []);
    sandbox.run(engine.undoDiscard(undoId));
    assertSame('the mount after undo', readImage(mount), before.image, { directoryTimes: true });
    assert.deepEqual(sandbox.listed(), before.list);
    return items.map((item) => item.path).sort();
  }

  function assertTakesAlong(path: string, change: (mount: MountTree) => void, expected: string[]): void {
    change(sandbox.mount);
    assert.deepEqual(assertComesBack([path]), expected);
  }

  it('brings back a directory that was made where another was renamed away', () => {
    const { mount } = sandbox;
    mount.rename('directory', 'renamed', 0);
    mount.mkdir('directory', 0o755);
    mount.mknod('directory/file', S_IFREG | 0o644, 0);
    assertComesBack();
  });

  it('brings back a directory that was renamed to where another was deleted', () => {
    const { mount } = sandbox;
    mkdirSync(join(sandbox.bases[0]!, 'other'), 0o755);
    writeFileSync(join(sandbox.bases[0]!, 'other/file'), 'other');
    mount.rename('directory/file', 'renamed', 0);
    mount.rmdir('directory');
    mount.rename('other', 'directory', 0);
    assertComesBack();
  });

  it('brings back what was deleted in a directory that was renamed to where another was', () => {
    const { mount } = sandbox;
    mkdirSync(join(sandbox.bases[0]!, 'other'), 0o755);
    writeFileSync(join(sandbox.bases[0]!, 'other/file'), 'other');
    mount.rename('directory/file', 'middle', 0);
    mount.unlink('other/file');
    mount.rename('directory', 'zone', 0);
    mount.rename('other', 'directory', 0);
    assertComesBack();
  });

  it('shows all of a base directory again that was deleted and made anew', () => {
    const { engine, mount } = sandbox;
    writeFileSync(join(sandbox.bases[0]!, 'directory/another'), 'base');
    mount.unlink('directory/another');
    mount.unlink('directory/file');
    mount.rmdir('directory');
    mount.mkdir('directory', 0o700);
    mount.symlink('directory/file', 'target');
    assert.deepEqual(sandbox.listed(), [
      'metadata directory',
      'whiteout directory/another',
      'changed directory/file',
    ]);
    sandbox.run(engine.discard({}));
    assert.deepEqual(sandbox.listed(), []);
    assertSame('the mount', readImage(mount), sandbox.baseImage(), { directoryTimes: true });
  });

  it('shows what was renamed out of a directory before that was deleted and made anew', () => {
    const { mount } = sandbox;
    writeFileSync(join(sandbox.bases[0]!, 'directory/another'), 'base');
    mount.rename('directory/file', 'renamed', 0);
    mount.unlink('directory/another');
    mount.rmdir('directory');
    mount.mkdir('directory', 0o755);
    assert.deepEqual(sandbox.listed(), ['whiteout directory/another', 'renamed renamed']);
    assertComesBack();
  });

  it('takes along a link to a changed file', () => {
    assertTakesAlong(
      'file',
      (mount) => {
        mount.write('file', 0, Buffer.from('new!'));
        mount.link('file', 'link');
      },
      ['file', 'link'],
    );
  });

  it('takes along a link to a renamed file', () => {
    assertTakesAlong(
      'renamed',
      (mount) => {
        mount.rename('file', 'renamed', 0);
        mount.link('renamed', 'link');
      },
      ['link', 'renamed'],
    );
  });

  it('takes along a link to a file in a renamed directory', () => {
    assertTakesAlong(
      'renamed',
      (mount) => {
        mount.link('directory/file', 'link');
        mount.rename('directory', 'renamed', 0);
      },
      ['link', 'renamed'],
    );
  });

  for (const name of ['above', 'zone']) {
    it(`takes along what was renamed out of a renamed directory: to ${name}`, () => {
      assertTakesAlong(
        'renamed',
        (mount) => {
          mount.rename('directory/file', name, 0);
          mount.rename('directory', 'renamed', 0);
        },
        [name, 'renamed'].sort(),
      );
    });

    it(`takes along what was renamed out of a removed directory: to ${name}`, () => {
      assertTakesAlong(
        'directory',
        (mount) => {
          mount.rename('directory/file', name, 0);
          mount.rmdir('directory');
        },
        [name, 'directory'].sort(),
      );
    });
  }

  it('leaves a changed file alone when a link to it goes', () => {
    const { engine, mount } = sandbox;
    mount.write('file', 0, Buffer.from('new!'));
    mount.link('file', 'link');
    sandbox.run(engine.discard({ paths: ['link'] }));
    assert.deepEqual(sandbox.listed(), ['changed file']);
    assert.equal(mount.read('file').toString(), 'new!');
  });

  it('goes on when users remove a directory in which it has something to do', () => {
    for (let at = 1, done = false; !done; at++) {
      const { engine, mount } = sandbox;
      mount.mkdir('new', 0o755);
      mount.mkdir('new/sub', 0o755);
      for (const path of ['new/a', 'new/sub/b']) mount.mknod(path, S_IFREG | 0o644, 0);
      let steps = 0;
      sandbox.run(engine.discard({}), () => {
        if (++steps !== at) return;
        for (const path of ['new/a', 'new/sub/b']) if (isThere(path)) mount.unlink(path);
        for (const path of ['new/sub', 'new']) if (isThere(path)) mount.rmdir(path);
      });
      done = steps < at;
      assert.deepEqual(sandbox.listed(), [], `after step ${at}`);
      assertSame('the mount', readImage(mount), sandbox.baseImage(), { directoryTimes: true });
    }
  });

  function isThere(path: string): boolean {
    return readImage(sandbox.mount).has(path);
  }

  it('is undone also for a name of an inode that is known by another', () => {
    mkdirSync(join(sandbox.bases[0]!, 'other'));
    sandbox.mount.link('file', 'directory/link');
    // From here on nobody looked at the file under its first name.
    sandbox.close();
    sandbox.run(sandbox.engine.commit({}));
    const { engine, mount } = sandbox;
    mount.rename('other', 'file', RENAME_EXCHANGE);
    const before = readImage(mount);
    const { undoId } = sandbox.run(engine.discard({}));
    sandbox.run(engine.undoDiscard(undoId));
    assertSame('the mount after undo', readImage(mount), before, { directoryTimes: true });
  });
});
