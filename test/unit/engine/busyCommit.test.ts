import { strict as assert } from 'node:assert';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommitResult } from '../../../src/protocol/messages';
import { RENAME_EXCHANGE } from '../../../src/sys/file';
import { S_IFREG } from '../../../src/sys/stat';
import { assertSame, readImage } from './support/image';
import type { MountTree } from './support/mountTree';
import { EngineSandbox } from './support/sandbox';

type Action = (mount: MountTree) => void;

function create(mount: MountTree, path: string, text: string): void {
  mount.mknod(path, S_IFREG | 0o644, 0);
  mount.write(path, 0, Buffer.from(text));
}

/** Makes a directory of the base anew, which hides what the base has there. */
const remake: Action = (mount) => {
  for (const name of ['file', 'link1', 'link2']) mount.unlink(`directory/${name}`);
  mount.rmdir('directory');
  mount.mkdir('directory', 0o755);
  create(mount, 'directory/file', 'new');
  create(mount, 'directory/new', '');
};
const write: Action = (mount) => mount.write('directory/link1', 0, Buffer.from('new'));
const linkAndWrite: Action = (mount) => {
  mount.link('directory/file', 'directory/new');
  mount.write('directory/new', 0, Buffer.from('new'));
};
const makeLinks: Action = (mount) => {
  create(mount, 'directory/new', 'new');
  mount.link('directory/new', 'directory/more');
};

const makeDirectory: Action = (mount) => {
  mount.mkdir('new', 0o755);
  create(mount, 'new/file', 'new');
};

function swap(one: string, other: string): Action {
  return (mount) => mount.rename(one, other, RENAME_EXCHANGE);
}

/** What is there to be committed, and what users do to it meanwhile, and some steps later. */
const cases: [title: string, prepare: Action, meanwhile: Action, later?: Action][] = [
  ['a file of a directory that was made anew goes', remake, (m) => m.unlink('directory/file')],
  ['a directory that was made anew moves', remake, (m) => m.rename('directory', 'moved', 0)],
  [
    'a file moves in a directory that was made anew',
    remake,
    (m) => m.rename('directory/file', 'directory/new', 0),
  ],
  [
    'a file of a directory that was made anew is linked',
    remake,
    (m) => m.link('directory/file', 'directory/link'),
  ],
  ['a directory that was made anew becomes a file', remake, swap('directory', 'other')],
  ['another name of a file goes', write, (m) => m.unlink('directory/link2')],
  ['another name of a file is written to', write, (m) => m.write('directory/link2', 1, Buffer.from('x'))],
  ['a file gets one more name', write, (m) => m.link('directory/link1', 'directory/link')],
  [
    'a file with one more name is written to',
    linkAndWrite,
    (m) => m.write('directory/file', 1, Buffer.from('x')),
  ],
  ['a file with one more name is replaced', linkAndWrite, (m) => m.rename('other', 'directory/new', 0)],
  [
    'a new file is written to under its second name',
    makeLinks,
    (m) => m.write('directory/new', 1, Buffer.from('written')),
  ],
  [
    'a new file in two directories is written to',
    (m) => {
      create(m, 'new', 'new');
      m.link('new', 'directory/new');
    },
    (m) => m.write('new', 1, Buffer.from('written')),
  ],
  ['a name of a new file goes', makeLinks, (m) => m.unlink('directory/new')],
  ['a name of a new file replaces another file', makeLinks, (m) => m.rename('directory/new', 'other', 0)],
  [
    'a name that was written replaces another file',
    linkAndWrite,
    (m) => m.rename('directory/file', 'other', 0),
  ],
  [
    'a directory moves in which a file did',
    (m) => m.rename('directory/file', 'directory/new', 0),
    (m) => m.rename('directory', 'moved', 0),
  ],
  ['two directories change places again', swap('directory', 'directory2'), swap('directory', 'directory2')],
  [
    'a directory changes places with a file that did so with one in it',
    swap('directory/file', 'other'),
    swap('directory', 'other'),
  ],
  [
    'a directory moves to where a new file was, and back',
    (m) => {
      m.write('directory/file', 0, Buffer.from('new'));
      for (const path of ['new', 'new2', 'new3', 'new4']) create(m, path, '');
    },
    (m) => {
      m.unlink('new');
      m.rename('directory', 'new', 0);
    },
    (m) => m.rename('new', 'directory', 0),
  ],
  [
    'a file that moves for another comes to where one was deleted',
    (m) => {
      m.rename('large', 'other', RENAME_EXCHANGE);
      m.unlink('directory/file');
    },
    (m) => m.rename('large', 'directory/file', 0),
  ],
  ['a large file goes', (m) => m.write('large', 5000, Buffer.from('new')), (m) => m.unlink('large')],
  ['a new directory changes places with another', makeDirectory, swap('new', 'directory2')],
  [
    'a new directory becomes a file',
    makeDirectory,
    (m) => {
      m.unlink('new/file');
      m.rmdir('new');
      create(m, 'new', '');
    },
  ],
];

describe('Commit while its users go on', () => {
  let sandbox: EngineSandbox;
  let base: string;

  before(() => {
    // As an engine does, which is open only later.
    process.umask(0);
  });

  beforeEach(() => {
    sandbox = new EngineSandbox(1, { deltaThreshold: 4096 });
    base = sandbox.bases[0]!;
  });

  afterEach(() => {
    sandbox.dispose();
  });

  /** Does something before one of the steps of a commit, whichever it is, and then commits what is left. */
  function atEachStep(prepare: () => void, meanwhile: () => void, later?: () => void): void {
    for (const gap of later === undefined ? [0] : [1, 2, 3, 4, 6, 8]) {
      atEach(prepare, meanwhile, { gap, later: later ?? (() => undefined) });
    }
  }

  /** @param later is done so many steps after that */
  function atEach(
    prepare: () => void,
    meanwhile: () => void,
    { gap, later }: { gap: number; later: () => void },
  ): void {
    const leniency = { times: true, links: true };
    prepare();
    meanwhile();
    later();
    const expected = readImage(sandbox.mount);
    renew();
    for (let at = 1, done = false; !done; at++) {
      prepare();
      let steps = 0;
      const result = commit(() => {
        steps++;
        if (steps === at) meanwhile();
        if (steps === at + gap) later();
        sandbox.mount.deliver();
      });
      done = steps < at;
      if (done) meanwhile();
      if (steps < at + gap) later();
      assert.deepEqual(unexpected(result), [], `at step ${at}`);
      assertSame(`the mount beside step ${at}`, readImage(sandbox.mount), expected, leniency);
      if (at % 2 === 0) sandbox.close();
      assert.deepEqual(commit().conflicts, [], `after step ${at}`);
      assertSame(`the mount after step ${at}`, readImage(sandbox.mount), expected, leniency);
      assertSame(`the base after step ${at}`, sandbox.baseImage(), expected, leniency);
      renew();
    }
  }

  function renew(): void {
    sandbox.dispose();
    sandbox = new EngineSandbox(1, { deltaThreshold: 4096 });
    base = sandbox.bases[0]!;
  }

  function commit(between?: () => void): CommitResult {
    return sandbox.run(sandbox.engine.commit({}), between);
  }

  function unexpected({ conflicts }: CommitResult): unknown[] {
    return conflicts.filter(({ reason }) => !reason.endsWith('while it was committed'));
  }

  for (const [title, prepare, meanwhile, later] of cases) {
    it(`leaves nothing behind when ${title}`, () => {
      atEachStep(
        () => {
          mkdirSync(join(base, 'directory'));
          mkdirSync(join(base, 'directory2'));
          writeFileSync(join(base, 'directory2/file'), 'file2');
          writeFileSync(join(base, 'other'), 'other');
          writeFileSync(join(base, 'large'), Buffer.alloc(20_000, 'large'));
          writeFileSync(join(base, 'directory/file'), 'file');
          writeFileSync(join(base, 'directory/link1'), 'links');
          linkSync(join(base, 'directory/link1'), join(base, 'directory/link2'));
          prepare(sandbox.mount);
        },
        () => {
          meanwhile(sandbox.mount);
        },
        later && (() => later(sandbox.mount)),
      );
    });
  }

  it('takes a directory for a file that was put in its place', () => {
    atEachStep(
      () => {
        mkdirSync(join(base, 'directory'));
        writeFileSync(join(base, 'directory/file'), 'old');
        writeFileSync(join(base, 'other'), 'other');
        sandbox.mount.write('directory/file', 0, Buffer.from('new'));
      },
      () => {
        sandbox.mount.rename('directory', 'other', RENAME_EXCHANGE);
      },
    );
  });
});
