import { strict as assert } from 'node:assert';
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { UTIME_NOW, UTIME_OMIT } from '../../../src/sys/file';
import type { Stat } from '../../../src/sys/stat';
import * as calls from '../calls';
import { succeeds } from '../calls';
import { conforms, remount, subjects, type Subject } from '../fixture';

const PAST = 1_000_000_000;
const times = ['atime', 'mtime', 'ctime'] as const;
type TimeName = (typeof times)[number];

/** All times of what is made here lie in the past, but for ctime, which nobody can set. */
function prepare(directory: string): void {
  writeFileSync(`${directory}/file`, 'contents');
  writeFileSync(`${directory}/linked`, 'contents');
  linkSync(`${directory}/linked`, `${directory}/link`);
  writeFileSync(`${directory}/moved`, 'contents');
  writeFileSync(`${directory}/victim`, '');
  mkdirSync(`${directory}/dir`);
  mkdirSync(`${directory}/dir/sub`);
  writeFileSync(`${directory}/dir/file`, '');
  for (const name of ['file', 'link', 'moved', 'victim', 'dir/file', 'dir/sub', 'dir'])
    succeeds(calls.utimens(`${directory}/${name}`, PAST, 123_456_789, PAST, 987_654_321));
}

interface Case {
  readonly title: string;
  /** Whose times are looked at. */
  readonly of: string;
  readonly act: (at: (name: string) => string) => unknown;
  readonly changes: readonly TimeName[];
}

/** As POSIX has it for each call ("shall mark for update"); each case works on its own copy of what `prepare` makes. */
const cases: readonly Case[] = [
  { title: 'stat', of: 'file', act: (at) => calls.lstat(at('file')), changes: [] },
  {
    title: 'open for writing and close',
    of: 'file',
    act: (at) => calls.close(calls.open(at('file'), calls.O_RDWR)),
    changes: [],
  },
  { title: 'read', of: 'file', act: (at) => readFileSync(at('file')), changes: ['atime'] },
  { title: 'write', of: 'file', act: (at) => overwrite(at('file')), changes: ['mtime', 'ctime'] },
  {
    title: 'truncate to another size',
    of: 'file',
    act: (at) => calls.truncate(at('file'), 3),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'O_TRUNC',
    of: 'file',
    act: (at) => calls.open(at('file'), calls.O_WRONLY | calls.O_TRUNC),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'fallocate beyond the end',
    of: 'file',
    act: (at) => calls.fallocate(calls.open(at('file'), calls.O_RDWR), 0, 0, 10_000),
    changes: ['mtime', 'ctime'],
  },
  { title: 'chmod', of: 'file', act: (at) => calls.chmod(at('file'), 0o600), changes: ['ctime'] },
  {
    title: 'chown to the same owner',
    of: 'file',
    act: (at) => calls.chown(at('file'), calls.lstat(at('file')).uid, calls.lstat(at('file')).gid),
    changes: ['ctime'],
  },
  {
    title: 'setxattr',
    of: 'file',
    act: (at) => calls.setXattr(at('file'), 'user.a', 'x'),
    changes: ['ctime'],
  },
  { title: 'link', of: 'file', act: (at) => calls.link(at('file'), at('new')), changes: ['ctime'] },
  {
    title: 'unlink of another name',
    of: 'linked',
    act: (at) => calls.unlink(at('link')),
    changes: ['ctime'],
  },
  {
    title: 'rename',
    of: 'renamed',
    act: (at) => calls.rename(at('moved'), at('renamed')),
    changes: ['ctime'],
  },
  {
    title: 'utimensat with UTIME_NOW',
    of: 'file',
    act: (at) => calls.utimens(at('file'), 0, UTIME_NOW, 0, UTIME_NOW),
    changes: ['atime', 'mtime', 'ctime'],
  },
  {
    title: 'utimensat of atime only',
    of: 'file',
    act: (at) => calls.utimens(at('file'), 5, 5, 0, UTIME_OMIT),
    changes: ['atime', 'ctime'],
  },
  {
    title: 'utimensat of mtime only',
    of: 'file',
    act: (at) => calls.utimens(at('file'), 0, UTIME_OMIT, 5, 5),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'creat in a directory',
    of: 'dir',
    act: (at) => calls.open(at('dir/new'), calls.O_WRONLY | calls.O_CREAT),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'mkdir in a directory',
    of: 'dir',
    act: (at) => calls.mkdir(at('dir/new')),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'unlink in a directory',
    of: 'dir',
    act: (at) => calls.unlink(at('dir/file')),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'rmdir in a directory',
    of: 'dir',
    act: (at) => calls.rmdir(at('dir/sub')),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'rename in a directory',
    of: 'dir',
    act: (at) => calls.rename(at('dir/file'), at('dir/new')),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'rename out of a directory',
    of: 'dir',
    act: (at) => calls.rename(at('dir/file'), at('new')),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'rename into a directory',
    of: 'dir',
    act: (at) => calls.rename(at('victim'), at('dir/new')),
    changes: ['mtime', 'ctime'],
  },
  {
    title: 'link in a directory',
    of: 'dir',
    act: (at) => calls.link(at('file'), at('dir/new')),
    changes: ['mtime', 'ctime'],
  },
  { title: 'write to a file in a directory', of: 'dir', act: (at) => overwrite(at('dir/file')), changes: [] },
  {
    title: 'chmod of a file in a directory',
    of: 'dir',
    act: (at) => calls.chmod(at('dir/file'), 0o600),
    changes: [],
  },
  { title: 'listing a directory', of: 'dir', act: (at) => readdirSync(at('dir')), changes: ['atime'] },
];

function overwrite(path: string): void {
  const fd = succeeds(calls.open(path, calls.O_RDWR));
  calls.pwrite(fd, Buffer.from('X'), 1, 0);
  calls.close(fd);
}

function timeOf(stat: Stat, name: TimeName): bigint {
  return nanosecondsOf(stat[name], stat[`${name}Nsec`]);
}

function nanosecondsOf(seconds: number, nanoseconds: number): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

/** The clock of file systems moves by ticks of up to 10 ms. */
function waitForTick(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);
}

function checkCase({ of, act, changes }: Case, s: Subject): void {
  const at = (name: string): string => s.path(name);
  const renamedFrom = of === 'renamed' ? 'moved' : of;
  const before = calls.lstat(at(renamedFrom));
  waitForTick();
  const result = act(at);
  if (typeof result === 'number') succeeds(result);
  const after = calls.lstat(at(of));
  const changed = times.filter((name) => timeOf(before, name) !== timeOf(after, name));
  assert.deepEqual(changed, changes);
}

describe('Times', () => {
  for (const each of cases) {
    describe(each.title, () => {
      subjects(prepare, (s) => {
        conforms(`changes ${each.changes.join(', ') || 'nothing'}`, () => checkCase(each, s));
      });
    });
  }

  describe('of a file, set', () => {
    subjects(prepare, (s) => {
      const values = [
        ['file', 1, 999_999_999],
        ['moved', 4_102_444_800, 1],
        ['victim', -1, 500_000_000],
      ] as const;
      conforms('stay to the nanosecond, also after a remount, before 1970 and after 2038', async () => {
        const check = (name: TimeName): void => {
          for (const [file, seconds, nanoseconds] of values)
            assert.equal(timeOf(calls.lstat(s.path(file)), name), nanosecondsOf(seconds, nanoseconds));
        };
        for (const [file, seconds, nanoseconds] of values)
          succeeds(calls.utimens(s.path(file), seconds, nanoseconds, seconds, nanoseconds));
        check('atime');
        check('mtime');
        await remount();
        check('atime');
        check('mtime');
      });
      conforms('are those that were prepared', () => {
        const stat = calls.lstat(s.path('linked'));
        assert.equal(timeOf(stat, 'mtime'), nanosecondsOf(PAST, 987_654_321));
      });
    });
  });
});
