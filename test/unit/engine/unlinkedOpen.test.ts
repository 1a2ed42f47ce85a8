import { strict as assert } from 'node:assert';
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { S_IFREG } from '../../../src/sys/stat';
import type { MountTree } from './support/mountTree';
import { EngineSandbox } from './support/sandbox';

const BLOCK = 4096;
/** To set the user id (of version 2, effective). */
const CAPABILITY = Buffer.from('0100000280000000000000000000000000000000', 'hex');
const caller = { uid: 0, gid: 0, umask: 0 };
/** More than the engine keeps by a descriptor when they lose their names. */
const MANY = 1100;

/** A small file's bytes are copied by the first write, a large one's stay the base's but for the blocks that change. */
const kinds = [
  { title: 'a small file', size: 100, linked: false, crowd: 0 },
  { title: 'a large file', size: 8 * BLOCK, linked: false, crowd: 0 },
  { title: 'a file with another name', size: 100, linked: true, crowd: 0 },
  { title: 'a large file with another name', size: 8 * BLOCK, linked: true, crowd: 0 },
  { title: 'one of too many files', size: 100, linked: false, crowd: MANY },
  { title: 'one of too many files, with another name', size: 100, linked: true, crowd: MANY },
];

describe('An open file whose metadata changed before its last name went', () => {
  for (const { title, size, linked, crowd } of kinds) {
    describe(title, () => {
      let sandbox: EngineSandbox;

      beforeEach(() => {
        sandbox = new EngineSandbox(1, { deltaThreshold: BLOCK });
        const base = sandbox.bases[0]!;
        writeFileSync(join(base, 'file'), Buffer.alloc(size, 'base'), { mode: 0o644 });
        if (linked) linkSync(join(base, 'file'), join(base, 'link'));
        const { engine, mount } = sandbox;
        for (let i = 0; i < crowd; i++) {
          engine.remember(engine.mknod(engine.root, `open${i}`, S_IFREG | 0o644, 0, caller));
          engine.unlink(engine.root, `open${i}`);
        }
        mount.open('@open', 'file');
        mount.chmod('@open', 0o4751);
        mount.setXattr('@open', 'user.test', Buffer.from('kept'), 0);
        mount.utimes('@open', 1_234_567, 89);
      });

      afterEach(() => {
        sandbox.mount.closeHandles();
        sandbox.dispose();
      });

      function unlinkAll(): void {
        sandbox.mount.unlink('file');
        if (linked) sandbox.mount.unlink('link');
      }

      /** What users see of the open file, asked for anew. */
      function seen(): unknown {
        const { mount } = sandbox;
        mount.dropCaches();
        const { ino, mode, uid, gid, size: bytes, mtime, mtimeNsec, nlink } = mount.stat('@open');
        const xattrs = [...mount.xattrs('@open')];
        const content = mount.read('@open').toString('latin1');
        return { ino, mode, uid, gid, bytes, mtime, mtimeNsec, nlink, xattrs, content };
      }

      it('stays what it was when a commit takes it from the base', () => {
        const before = { ...(seen() as object), nlink: 0 };
        unlinkAll();
        assert.deepEqual(seen(), before);
        sandbox.run(sandbox.engine.commit({}));
        assert.deepEqual(readdirSync(sandbox.bases[0]!), []);
        assert.deepEqual(seen(), before);
        sandbox.run(sandbox.engine.commit({}));
        assert.deepEqual(seen(), before);
      });

      it('keeps its capabilities, which writing takes away', function () {
        if (process.getuid?.() !== 0) this.skip();
        const { mount } = sandbox;
        mount.setXattr('@open', 'security.capability', CAPABILITY, 0);
        const before = mount.xattrs('@open');
        unlinkAll();
        sandbox.run(sandbox.engine.commit({}));
        assert.deepEqual(mount.xattrs('@open'), before);
      });

      it('stays what it was when a commit puts another in its place', () => {
        const before = { ...(seen() as object), nlink: 0 };
        unlinkAll();
        sandbox.mount.mknod('file', S_IFREG | 0o600, 0);
        sandbox.mount.write('file', 0, Buffer.from('other'));
        sandbox.run(sandbox.engine.commit({}));
        assert.deepEqual(seen(), before);
      });

      for (const when of ['before', 'after']) {
        it(`can be written ${when} the commit`, () => {
          const { mount } = sandbox;
          const write = (): void => {
            mount.write('@open', 2, Buffer.from('new!'));
            mount.utimes('@open', 1_234_567, 89);
          };
          const bytes = Buffer.alloc(size, 'base');
          bytes.write('new!', 2);
          const expected = { ...(seen() as object), nlink: 0, content: bytes.toString('latin1') };
          unlinkAll();
          if (when === 'before') write();
          sandbox.run(sandbox.engine.commit({}));
          if (when === 'after') write();
          assert.deepEqual(seen(), expected);
        });
      }

      it('can be truncated', () => {
        const { mount } = sandbox;
        unlinkAll();
        mount.truncate('@open', 3);
        assert.equal(mount.read('@open').toString(), 'bas');
        assert.deepEqual([...mount.xattrs('@open')], [['user.test', 'kept']]);
        mount.truncate('@open', 0);
        sandbox.run(sandbox.engine.commit({}));
        assert.equal(mount.read('@open').length, 0);
      });

      it('leaves the scratch with who had it open', () => {
        const { engine, mount } = sandbox;
        const work = readdirSync(join(sandbox.scratch, 'work')).length;
        unlinkAll();
        sandbox.run(engine.commit({}));
        mount.closeHandles();
        assert.equal(readdirSync(join(sandbox.scratch, 'work')).length, work);
        assert.deepEqual(readdirSync(join(sandbox.scratch, 'upper')), []);
        assert.deepEqual(sandbox.listed(), []);
      });
    });
  }

  it('is the file that another of its names shows, and that is committed', () => {
    const sandbox = new EngineSandbox();
    try {
      const base = sandbox.bases[0]!;
      writeFileSync(join(base, 'first'), 'base', { mode: 0o644 });
      linkSync(join(base, 'first'), join(base, 'second'));
      const { engine, mount } = sandbox;
      mount.open('@open', 'first');
      mount.chmod('@open', 0o600);
      mount.unlink('first');
      assert.equal(mount.stat('second').mode & 0o7777, 0o600);
      mount.chmod('second', 0o640);
      sandbox.run(engine.commit({}));
      assert.deepEqual(readdirSync(base), ['second']);
      mount.dropCaches();
      assert.equal(mount.stat('@open').mode & 0o7777, 0o640);
      mount.write('@open', 4, Buffer.from('more'));
      assert.equal(mount.read('second').toString(), 'basemore');
      assert.deepEqual(sandbox.listed(), ['changed second']);
      mount.closeHandles();
    } finally {
      sandbox.dispose();
    }
  });
});

describe('An open file that lost all names but one which nobody looked up', () => {
  const size = 8 * BLOCK;
  /** How it comes to its names `name` and `other`, of which the bases have both, one or none. */
  const origins: Record<string, (sandbox: EngineSandbox) => void> = {
    'of the base': ({ bases }) => {
      linkSync(join(bases[0]!, 'name'), join(bases[0]!, 'other'));
    },
    'of the base, with changed metadata': ({ bases, mount }) => {
      linkSync(join(bases[0]!, 'name'), join(bases[0]!, 'other'));
      mount.chmod('name', 0o600);
    },
    'linked in the scratch': ({ mount }) => {
      mount.link('name', 'other');
    },
    'renamed and linked in the scratch': ({ mount }) => {
      mount.rename('name', 'aside', 0);
      mount.link('aside', 'other');
      mount.rename('aside', 'name', 0);
    },
    'written and linked in the scratch': ({ mount }) => {
      mount.write('name', 50, Buffer.from('written'));
      mount.link('name', 'other');
    },
    'new in the scratch': ({ mount }) => {
      mount.unlink('name');
      mount.mknod('name', S_IFREG | 0o644, 0);
      mount.write('name', 0, Buffer.alloc(size, 'base'));
      mount.link('name', 'other');
    },
  };
  /** How it loses the name by which it is open. */
  const losses: Record<string, (mount: MountTree) => void> = {
    unlinked: (mount) => {
      mount.unlink('name');
    },
    replaced: (mount) => {
      mount.rename('another', 'name', 0);
    },
  };

  for (const [origin, make] of Object.entries(origins))
    for (const [loss, lose] of Object.entries(losses))
      for (const deltaThreshold of [BLOCK, 100 * BLOCK])
        describe(`${origin}, ${loss}${deltaThreshold === BLOCK ? ', kept by block' : ''}`, () => {
          let sandbox: EngineSandbox;

          beforeEach(() => {
            sandbox = new EngineSandbox(1, { deltaThreshold });
            const base = sandbox.bases[0]!;
            writeFileSync(join(base, 'name'), Buffer.alloc(size, 'base'));
            writeFileSync(join(base, 'another'), 'another');
            make(sandbox);
            sandbox.mount.dropCaches();
            sandbox.mount.open('@open', 'name');
            sandbox.mount.dropCaches();
            lose(sandbox.mount);
          });

          afterEach(() => {
            sandbox.mount.closeHandles();
            sandbox.dispose();
          });

          it('counts that name', () => {
            sandbox.mount.dropCaches();
            assert.equal(sandbox.mount.stat('@open').nlink, 1);
            const { ino } = sandbox.mount.stat('@open');
            assert.equal(sandbox.mount.stat('other').ino, ino);
            sandbox.mount.unlink('other');
            assert.equal(sandbox.mount.stat('@open').nlink, 0);
          });

          it('shows under that name what is written, now and later', () => {
            const { mount } = sandbox;
            mount.write('@open', 0, Buffer.from('new!'));
            mount.truncate('@open', size + 5);
            mount.chmod('@open', 0o640);
            const content = mount.read('@open');
            assert.equal(content.toString('latin1', 0, 4), 'new!');
            assert.equal(content.length, size + 5);
            assert.ok(sandbox.listed().some((change) => change.endsWith(' other')));
            for (const again of [false, true]) {
              if (again) sandbox.close();
              assert.deepEqual(sandbox.mount.read('other'), content);
              assert.equal(sandbox.mount.stat('other').mode & 0o7777, 0o640);
            }
            sandbox.run(sandbox.engine.commit({}));
            assert.deepEqual(sandbox.listed(), []);
            assert.deepEqual(readFileSync(join(sandbox.bases[0]!, 'other')), content);
          });

          it('is one file with that name, whichever is written', () => {
            const { mount } = sandbox;
            mount.stat('other');
            mount.write('@open', 0, Buffer.from('one'));
            mount.write('other', 3, Buffer.from('two'));
            for (const path of ['@open', 'other'])
              assert.equal(mount.read(path).toString('latin1', 0, 6), 'onetwo');
          });

          it('is one file with that name after a commit', () => {
            const { mount } = sandbox;
            sandbox.run(sandbox.engine.commit({}));
            mount.write('@open', 0, Buffer.from('new!'));
            assert.equal(mount.read('other').toString('latin1', 0, 8), 'new!base');
            assert.ok(sandbox.listed().some((change) => change.endsWith(' other')));
          });
        });
});

describe('An open file that had another name', () => {
  let sandbox: EngineSandbox;
  let base: string;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    writeFileSync(join(base, 'file'), 'base');
    linkSync(join(base, 'file'), join(base, 'link'));
    sandbox.mount.open('@open', 'file');
  });

  afterEach(() => {
    sandbox.dispose();
  });

  it('can be written to when a commit took the other, and users the last', () => {
    sandbox.mount.unlink('link');
    sandbox.run(sandbox.engine.commit({}));
    assertOwn();
  });

  it('can be written to when others took the other, and users the last', () => {
    rmSync(join(base, 'link'));
    assertOwn();
  });

  function assertOwn(): void {
    const { engine, mount } = sandbox;
    mount.unlink('file');
    assert.equal(mount.stat('@open').nlink, 0);
    mount.write('@open', 0, Buffer.from('new!'));
    mount.truncate('@open', 2);
    assert.equal(mount.read('@open').toString(), 'ne');
    assert.deepEqual(sandbox.listed(), ['whiteout file']);
    mount.closeHandles();
    sandbox.run(engine.discard({}));
    assert.deepEqual(sandbox.listed(), []);
  }
});
