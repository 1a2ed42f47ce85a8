import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { S_IFCHR } from '../../../src/sys/stat';
import { runChecked } from '../../support/command';
import * as calls from '../calls';
import { succeeds } from '../calls';
import { conforms, origins, remount, scratchOf, subject, type Subject } from '../fixture';

function prepare(directory: string): void {
  writeFileSync(`${directory}/file`, 'old');
  mkdirSync(`${directory}/dir`);
  writeFileSync(`${directory}/dir/a`, 'a');
  mkdirSync(`${directory}/dir/sub`);
  writeFileSync(`${directory}/dir/sub/b`, 'b');
  mkdirSync(`${directory}/fresh`);
  writeFileSync(`${directory}/fresh/new`, 'new');
}

/** All paths below a directory. */
function tree(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
}

interface Transition {
  readonly title: string;
  readonly act: (s: Subject) => void | Promise<void>;
  /** What is there then. */
  readonly left: readonly string[];
}

const KEPT_DIR = ['dir', 'dir/a', 'dir/sub', 'dir/sub/b'];
const KEPT_FRESH = ['fresh', 'fresh/new'];

const transitions: readonly Transition[] = [
  { title: 'a deleted file', act: (s) => rmSync(s.path('file')), left: [...KEPT_DIR, ...KEPT_FRESH] },
  {
    title: 'a deleted directory',
    act: (s) => rmSync(s.path('dir'), { recursive: true }),
    left: ['file', ...KEPT_FRESH],
  },
  {
    title: 'a directory deleted and made again',
    act: (s) => {
      rmSync(s.path('dir'), { recursive: true });
      mkdirSync(s.path('dir'));
    },
    left: ['dir', 'file', ...KEPT_FRESH],
  },
  {
    title: 'a directory deleted, made again, deleted, and made again with a file of an old name',
    act: (s) => {
      for (let i = 0; i < 2; i++) {
        rmSync(s.path('dir'), { recursive: true });
        mkdirSync(s.path('dir'));
        writeFileSync(s.path('dir/a'), 'again');
      }
    },
    left: ['dir', 'dir/a', 'file', ...KEPT_FRESH],
  },
  {
    title: 'a directory replaced by a file, and that by a directory',
    act: (s) => {
      rmSync(s.path('dir'), { recursive: true });
      writeFileSync(s.path('dir'), '');
      rmSync(s.path('dir'));
      mkdirSync(s.path('dir'));
    },
    left: ['dir', 'file', ...KEPT_FRESH],
  },
  {
    title: 'a directory renamed over an emptied one',
    act: (s) => {
      rmSync(s.path('dir/a'));
      rmSync(s.path('dir/sub'), { recursive: true });
      succeeds(calls.rename(s.path('fresh'), s.path('dir')));
    },
    left: ['dir', 'dir/new', 'file'],
  },
  {
    title: 'a directory renamed away, with a new one in its place',
    act: (s) => {
      succeeds(calls.rename(s.path('dir'), s.path('away')));
      mkdirSync(s.path('dir'));
    },
    left: ['away', 'away/a', 'away/sub', 'away/sub/b', 'dir', 'file', ...KEPT_FRESH],
  },
  {
    title: 'a directory renamed away and back',
    act: (s) => {
      succeeds(calls.rename(s.path('dir'), s.path('away')));
      succeeds(calls.rename(s.path('away'), s.path('dir')));
    },
    left: [...KEPT_DIR, 'file', ...KEPT_FRESH],
  },
  {
    title: 'a file deleted in a directory that is renamed',
    act: (s) => {
      rmSync(s.path('dir/sub/b'));
      succeeds(calls.rename(s.path('dir'), s.path('away')));
    },
    left: ['away', 'away/a', 'away/sub', 'file', ...KEPT_FRESH],
  },
  {
    title: 'a file moved from one directory to another over a deleted name',
    act: (s) => {
      rmSync(s.path('dir/a'));
      succeeds(calls.rename(s.path('fresh/new'), s.path('dir/a')));
    },
    left: [...KEPT_DIR, 'file', 'fresh'],
  },
];

describe('Whiteouts and opaque directories', () => {
  describe('what is left, also after a remount, by', () => {
    const all = transitions.map((transition) => ({
      ...transition,
      subjects: origins.map((origin) => subject(origin, prepare)),
    }));
    // One remount for all of them.
    before('do everything, look, and remount', async () => {
      for (const { act, subjects } of all) {
        for (const s of subjects) {
          try {
            await act(s);
            seen.set(s, tree(s.path()));
          } catch (error) {
            failed.set(s, error as Error);
          }
        }
      }
      await remount();
    });
    const seen = new Map<Subject, string[]>();
    const failed = new Map<Subject, Error>();
    for (const { title, subjects, left } of all) {
      for (const s of subjects) {
        conforms(`${title} (${s.origin})`, () => {
          const error = failed.get(s);
          if (error !== undefined) throw error;
          assert.deepEqual(seen.get(s), [...left].sort());
          assert.deepEqual(tree(s.path()), [...left].sort());
        });
      }
    }
  });

  describe('in the scratch', () => {
    for (const origin of origins) {
      const s = subject(origin, prepare);
      conforms(`there is no whiteout after sed -i (${origin})`, async () => {
        await runChecked('sed', ['-i', 's/old/new/', s.path('file')]);
        assert.equal(readFileSync(s.path('file'), 'utf8'), 'new');
        assert.deepEqual(whiteoutsOf(s), []);
      });
    }
    const s = subject('scratch-only', prepare);
    conforms('there is no whiteout for what was only there', () => {
      rmSync(s.path('dir'), { recursive: true });
      succeeds(calls.rename(s.path('fresh'), s.path('dir')));
      rmSync(s.path('file'));
      assert.deepEqual(whiteoutsOf(s), []);
    });
  });
});

/** The whiteouts that the scratch holds for a subject: none where there is no scratch. */
function whiteoutsOf(s: Subject): string[] {
  const directory = scratchOf(s);
  if (directory === undefined || !existsSync(directory)) return [];
  return tree(directory).filter((name) => calls.lstat(`${directory}/${name}`).type === S_IFCHR);
}
