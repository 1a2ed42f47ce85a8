import { strict as assert } from 'node:assert';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PlanItem } from '../../../src/protocol/messages';
import { assertSame, describeImage, type Image, readImage } from './support/image';
import { EngineSandbox } from './support/sandbox';

describe('A refresh of the view of bases that others changed', () => {
  let sandbox: EngineSandbox;
  const inBase = (path: string): string => join(sandbox.bases[0]!, path);

  function write(path: string, text: string): void {
    mkdirSync(dirname(inBase(path)), { recursive: true });
    writeFileSync(inBase(path), text);
  }

  function remove(path: string): void {
    rmSync(inBase(path), { recursive: true });
  }

  function start(): void {
    sandbox = new EngineSandbox();
    // From here on, this process has the umask of a daemon.
    assert(sandbox.engine);
    for (const path of ['dir/file', 'dir/changed', 'dir/sub/file', 'other/file']) write(path, 'base');
  }

  beforeEach(start);

  afterEach(() => {
    sandbox.dispose();
  });

  /** What was changed in the base, by name. */
  const changes: [string, () => void][] = [
    [
      'a directory that is gone',
      () => {
        remove('dir');
      },
    ],
    [
      'a directory in one that is gone',
      () => {
        remove('dir/sub');
      },
    ],
    [
      'a directory that was made anew',
      () => {
        remove('dir');
        write('dir/file', 'made anew');
        write('dir/sub/new', 'made anew');
      },
    ],
    [
      'a directory that was moved, with another in its place',
      () => {
        renameSync(inBase('dir'), inBase('moved'));
        renameSync(inBase('other'), inBase('dir'));
      },
    ],
    [
      'a file where a directory was',
      () => {
        remove('dir');
        write('dir', 'a file');
      },
    ],
    [
      'a symbolic link where a directory was',
      () => {
        remove('dir/sub');
        symlinkSync('../other', inBase('dir/sub'));
      },
    ],
    [
      'a directory where a file was',
      () => {
        remove('dir/file');
        write('dir/file/in', 'now a directory');
      },
    ],
    [
      'a directory where there was nothing',
      () => {
        write('made/by/file', 'in the base too');
      },
    ],
    [
      'a file that is gone',
      () => {
        remove('dir/file');
      },
    ],
    [
      'another file of the same size',
      () => {
        remove('dir/file');
        write('dir/file', 'BASE');
      },
    ],
  ];

  /** What users of the mount did before, by name. */
  const before: [string, () => void][] = [
    ['untouched', () => undefined],
    [
      'changed in the workspace',
      () => {
        const { mount } = sandbox;
        mount.write('dir/changed', 0, Buffer.from('mine'));
        mount.mkdir('dir/sub/made', 0o755);
        mount.mkdir('made', 0o755);
        mount.mkdir('made/by', 0o755);
      },
    ],
    [
      'renamed in the workspace',
      () => {
        const { mount } = sandbox;
        mount.rename('dir', 'renamed', 0);
      },
    ],
  ];

  const actions: [string, () => unknown][] = [
    [
      'commit',
      () => {
        const { items, conflicts } = sandbox.run(sandbox.engine.commit({ skipConflicts: true }));
        return { conflicts, paths: pathsOf(items) };
      },
    ],
    ['discard', () => pathsOf(sandbox.run(sandbox.engine.discard({})).items)],
  ];

  for (const [what, change] of changes) {
    for (const [how, prepare] of before) {
      it(`shows ${what}, ${how}`, () => {
        prepare();
        lookAtAll();
        change();
        sandbox.run(sandbox.engine.refresh());
        const refreshed = readImage(sandbox.mount);
        const listed = sandbox.listed();
        sandbox.close();
        assertSame('the mount', withoutNumbers(refreshed), withoutNumbers(readImage(sandbox.mount)));
        assert.deepEqual(listed, sandbox.listed());
      });

      for (const [action, act] of actions) {
        it(`is not needed for a ${action} beside ${what}, ${how}`, () => {
          const outcome = (remount: boolean): unknown => {
            prepare();
            lookAtAll();
            change();
            if (remount) sandbox.close();
            const result = act();
            sandbox.close();
            const left = sandbox.listed();
            return {
              result,
              left,
              base: describeImage(sandbox.baseImage()),
              mount: describeImage(withoutNumbers(readImage(sandbox.mount))),
            };
          };
          const expected = outcome(true);
          sandbox.dispose();
          start();
          assert.deepEqual(outcome(false), expected);
        });
      }
    }
  }

  function lookAtAll(): void {
    readImage(sandbox.mount);
    sandbox.listed();
  }
});

/** The base's file system gives those of removed inodes to new ones. */
function withoutNumbers(image: Image): Image {
  return new Map([...image].map(([path, entry]) => [path, { ...entry, identity: path }]));
}

function pathsOf(items: readonly PlanItem[]): string[] {
  return items.map(({ path }) => path);
}
