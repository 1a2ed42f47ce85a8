import { strict as assert } from 'node:assert';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CowspaceError } from '../../../src/protocol/errors';
import { RENAME_EXCHANGE } from '../../../src/sys/file';
import { assertSame } from './support/image';
import type { MountTree } from './support/mountTree';
import { EngineSandbox } from './support/sandbox';

interface ConflictCase {
  readonly what: string;
  readonly path: string;
  readonly change: (mount: MountTree) => void;
  readonly drift: (base: string) => void;
  readonly reason: string;
}

const cases: readonly ConflictCase[] = [
  {
    what: 'a changed file that changed in the base',
    path: 'file',
    change: (mount) => mount.write('file', 0, Buffer.from('mine')),
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was changed in the base',
  },
  {
    what: 'a changed file that is gone from the base',
    path: 'file',
    change: (mount) => mount.write('file', 0, Buffer.from('mine')),
    drift: (base) => rmSync(join(base, 'file')),
    reason: 'it was deleted in the base',
  },
  {
    what: 'metadata of a file that changed in the base',
    path: 'file',
    change: (mount) => mount.chmod('file', 0o600),
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was changed in the base',
  },
  {
    what: 'a renamed file that changed in the base',
    path: 'elsewhere',
    change: (mount) => mount.rename('file', 'elsewhere', 0),
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was changed in the base',
  },
  {
    what: 'a created file that the base has meanwhile',
    path: 'created',
    change: (mount) => mount.mknod('created', 0o100644, 0),
    drift: (base) => writeFileSync(join(base, 'created'), 'theirs'),
    reason: 'it was created or changed in the base',
  },
  {
    what: 'a deleted file that changed in the base',
    path: 'file',
    change: (mount) => mount.unlink('file'),
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was changed in the base after it was deleted here',
  },
  {
    what: 'a deleted directory in which something changed in the base',
    path: 'directory',
    change: (mount) => {
      mount.unlink('directory/sub/file');
      mount.rmdir('directory/sub');
      mount.rmdir('directory');
    },
    drift: (base) => appendFileSync(join(base, 'directory/sub/file'), 'theirs'),
    reason: 'sub/file in it was changed in the base after it was deleted here',
  },
  {
    what: 'a file that replaced a directory in which something changed in the base',
    path: 'directory',
    change: (mount) => {
      mount.unlink('directory/sub/file');
      mount.rmdir('directory/sub');
      mount.rmdir('directory');
      mount.mknod('directory', 0o100644, 0);
    },
    drift: (base) => appendFileSync(join(base, 'directory/sub/file'), 'theirs'),
    reason: 'sub/file in it was changed in the base after it was deleted here',
  },
  {
    what: 'a file that replaced one that changed in the base',
    path: 'file',
    change: (mount) => {
      mount.unlink('file');
      mount.mknod('file', 0o100644, 0);
    },
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was changed in the base',
  },
  {
    what: 'a new file that was renamed over one that changed in the base',
    path: 'file',
    change: (mount) => {
      mount.mknod('new', 0o100644, 0);
      mount.rename('new', 'file', 0);
    },
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was changed in the base',
  },
  {
    what: 'a file of the base that was renamed over another that changed in the base',
    path: 'file',
    change: (mount) => mount.rename('other', 'file', 0),
    drift: (base) => appendFileSync(join(base, 'file'), 'theirs'),
    reason: 'it was created or changed in the base',
  },
];

describe('A commit over a base that moved', () => {
  let sandbox: EngineSandbox;
  let base: string;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    mkdirSync(join(base, 'directory/sub'), { recursive: true });
    writeFileSync(join(base, 'directory/sub/file'), 'base');
    writeFileSync(join(base, 'file'), 'base');
    writeFileSync(join(base, 'other'), 'other');
  });

  afterEach(() => {
    sandbox.dispose();
  });

  for (const { what, path, change, drift, reason } of cases) {
    it(`refuses ${what}, and takes the rest when it is told to`, () => {
      const { engine, mount, run } = sandboxParts();
      mount.mknod('rest', 0o100644, 0);
      change(mount);
      pause();
      drift(base);
      assert.throws(
        () => run(engine.commit({})),
        ({ code }: CowspaceError) => code === 'conflict',
      );
      assert.equal(existsSync(join(base, 'rest')), false);
      const planned = run(engine.commit({ dryRun: true }));
      assert.deepEqual(planned.conflicts, [{ path, reason }]);
      assert.equal(existsSync(join(base, 'rest')), false);
      const { items, conflicts } = run(engine.commit({ skipConflicts: true }));
      assert.deepEqual(conflicts, [{ path, reason }]);
      assert.deepEqual(
        items.map((item) => item.path),
        planned.items.map((item) => item.path),
      );
      assert.equal(existsSync(join(base, 'rest')), true);
      for (const drifted of ['file', 'created', 'directory/sub/file']) {
        const now = existsSync(join(base, drifted)) ? readFileSync(join(base, drifted), 'utf8') : '';
        assert.ok(!now.includes('mine'), `${drifted} was overwritten`);
      }
    });
  }

  it('leaves what takes the place of a renamed file that it refuses', () => {
    const { engine, mount, run } = sandboxParts();
    mount.rename('file', 'created', 0);
    mount.rename('other', 'file', 0);
    mount.rename('directory/sub/file', 'other', 0);
    pause();
    writeFileSync(join(base, 'created'), 'theirs');
    const view = sandbox.coldView();
    const { items, conflicts } = run(engine.commit({ skipConflicts: true }));
    assert.deepEqual(items, []);
    assert.deepEqual(
      conflicts.map(({ path }) => path),
      ['created'],
    );
    assert.equal(readFileSync(join(base, 'created'), 'utf8'), 'theirs');
    assertSame('the mount', sandbox.coldView(), view);
  });

  it('takes a base entry for its own that has what it was about to give it', () => {
    const { engine, mount, run } = sandboxParts();
    mount.chmod('file', 0o600);
    mount.utimes('file', 1, 0);
    mount.write('other', 0, Buffer.from('mine!'));
    run(engine.changes.update());
    chmodSync(join(base, 'file'), 0o600);
    rmSync(join(base, 'other'));
    writeFileSync(join(base, 'other'), 'mine!');
    engine.changes.touchAll();
    run(engine.changes.update());
    mount.write('other', 0, Buffer.from('again'));
    assert.deepEqual(run(engine.commit({})).conflicts, []);
    assert.equal(readFileSync(join(base, 'other'), 'utf8'), 'again');
    assert.equal(lstatSync(join(base, 'file')).mtimeMs, 1000);
  });

  it('refuses what is hidden by a directory that was made anew, also when something was moved into that', () => {
    const { engine, mount, run } = sandboxParts();
    mount.unlink('directory/sub/file');
    mount.rmdir('directory/sub');
    mount.rmdir('directory');
    mount.mkdir('directory', 0o755);
    mount.rename('other', 'directory/new', 0);
    pause();
    appendFileSync(join(base, 'directory/sub/file'), 'theirs');
    assert.deepEqual(run(engine.commit({ paths: ['directory/new'] })).conflicts, []);
    const { conflicts } = run(engine.commit({ skipConflicts: true }));
    const reason = 'file in it was changed in the base after it was deleted here';
    assert.deepEqual(conflicts, [{ path: 'directory/sub', reason }]);
  });

  it('knows what an earlier commit wrote, also for a copy that was made before it', () => {
    sandbox.mount.truncate('file', 'base'.length);
    sandbox.mount.mknod('new', 0o100644, 0);
    pause();
    sandbox.run(sandbox.engine.commit({}));
    sandbox.close();
    sandbox.mount.rename('file', 'new', 0);
    assert.deepEqual(sandbox.run(sandbox.engine.commit({})).conflicts, []);
    assert.equal(readFileSync(join(base, 'new'), 'utf8'), 'base');
  });

  /** What comes to stand where an earlier commit put something, and was copied before that. */
  const replacements: readonly [what: string, replace: (mount: MountTree) => void][] = [
    ['renamed', (mount) => mount.rename('file', 'new', 0)],
    [
      'renamed where that was deleted',
      (mount) => {
        mount.unlink('new');
        mount.rename('file', 'new', 0);
      },
    ],
    [
      'linked where that was deleted',
      (mount) => {
        mount.unlink('new');
        mount.link('file', 'new');
      },
    ],
    [
      'renamed, with two names',
      (mount) => {
        mount.link('file', 'link');
        mount.rename('file', 'new', 0);
      },
    ],
    [
      'renamed over what was changed again',
      (mount) => {
        mount.write('new', 0, Buffer.from('again'));
        mount.rename('file', 'new', 0);
      },
    ],
    [
      'exchanged twice',
      (mount) => {
        mount.rename('file', 'new', RENAME_EXCHANGE);
        mount.rename('file', 'other', RENAME_EXCHANGE);
        mount.rename('other', 'new', RENAME_EXCHANGE);
      },
    ],
  ];
  for (const [what, replace] of replacements) {
    const prepare = (): Pick<EngineSandbox, 'engine' | 'mount' | 'run'> => {
      const parts = sandboxParts();
      const { engine, mount, run } = parts;
      for (const path of ['file', 'other', 'directory/sub/file']) mount.write(path, 0, Buffer.from('mine'));
      mount.mknod('new', 0o100644, 0);
      pause();
      assert.deepEqual(run(engine.commit({ paths: ['new'] })).conflicts, []);
      pause();
      replace(mount);
      return parts;
    };

    it(`takes what replaced a file that it wrote while other changes were left: ${what}`, () => {
      const { engine, run } = prepare();
      const view = sandbox.coldView();
      assert.deepEqual(run(engine.commit({})).conflicts, []);
      assertSame('the base', sandbox.baseImage(), view, { times: true });
    });

    it(`refuses it when the base changed after that: ${what}`, () => {
      const { engine, run } = prepare();
      pause();
      appendFileSync(join(base, 'new'), 'theirs');
      const { conflicts } = run(engine.commit({ skipConflicts: true }));
      assert.deepEqual(
        conflicts.map(({ path }) => path),
        ['new'],
      );
      assert.match(readFileSync(join(base, 'new'), 'utf8'), /theirs/);
    });
  }

  for (const [what, replace] of [
    ['new', (mount) => mount.mknod('directory', 0o100644, 0)],
    ['renamed', (mount) => mount.rename('other', 'directory', 0)],
  ] as [string, (mount: MountTree) => void][]) {
    it(`takes no offence at what it took itself out of a directory that another file replaced: ${what}`, () => {
      const { engine, mount, run } = sandboxParts();
      mount.rename('directory/sub', 'moved', 0);
      mount.rmdir('directory');
      replace(mount);
      pause();
      assert.deepEqual(run(engine.commit({})).conflicts, []);
      assert.equal(readFileSync(join(base, 'moved/file'), 'utf8'), 'base');
      assert.ok(lstatSync(join(base, 'directory')).isFile());
    });
  }

  function sandboxParts(): Pick<EngineSandbox, 'engine' | 'mount' | 'run'> {
    return { engine: sandbox.engine, mount: sandbox.mount, run: (job) => sandbox.run(job) };
  }
});

/** Times of files have the resolution of the kernel's clock tick. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}
