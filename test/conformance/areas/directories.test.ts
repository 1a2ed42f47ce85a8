import { strict as assert } from 'node:assert';
import { rmSync, writeFileSync } from 'node:fs';
import * as calls from '../calls';
import { succeeds } from '../calls';
import { conforms, subject, subjects } from '../fixture';

const COUNT = 500;
const LARGE_COUNT = 100_000;
const SEEK_SET = 0;

const names = Array.from({ length: COUNT }, (_, i) => `entry-${i}`);

function prepare(directory: string): void {
  for (const name of names) writeFileSync(`${directory}/${name}`, '');
}

/** Reads a directory bit by bit, doing something after each. */
function readBitByBit(path: string, after: (soFar: readonly string[]) => void): string[] {
  const fd = succeeds(calls.open(path, calls.O_RDONLY | calls.O_DIRECTORY));
  const seen: string[] = [];
  for (;;) {
    const entries = calls.nextEntries(fd);
    if (entries.length === 0) return seen;
    seen.push(...entries.map(({ name }) => name).filter((name) => !name.startsWith('.')));
    after(seen);
  }
}

describe('Directories', () => {
  describe('while they are listed', () => {
    subjects(prepare, (s) => {
      conforms('show each entry once, with its type', () => {
        const seen = readBitByBit(s.path(), () => undefined);
        assert.deepEqual(seen.sort(), [...names].sort());
      });

      conforms('show what stays exactly once when others come and go', () => {
        let made = 0;
        const removed = new Set<string>();
        const seen = readBitByBit(s.path(), (soFar) => {
          for (let i = 0; i < 10; i++) writeFileSync(s.path(`new-${made++}`), '');
          const victim = names.find((name) => !soFar.includes(name) && !removed.has(name));
          if (victim !== undefined) {
            rmSync(s.path(victim));
            removed.add(victim);
          }
          const old = soFar.find((name) => name.startsWith('entry-') && !removed.has(name));
          if (old !== undefined) {
            rmSync(s.path(old));
            removed.add(old);
          }
        });
        assert.equal(new Set(seen).size, seen.length);
        for (const name of names.filter((each) => !removed.has(each))) assert(seen.includes(name), name);
      });
    });
  });

  describe('of which all is removed while they are listed', () => {
    subjects(prepare, (s) => {
      conforms('are empty then, as rm -r expects', () => {
        readBitByBit(s.path(), (soFar) => {
          for (const name of soFar.filter((each) => calls.exists(s.path(each)))) rmSync(s.path(name));
        });
        succeeds(calls.rmdir(s.path()));
      });
    });
  });

  describe('telldir and seekdir', () => {
    subjects(prepare, (s) => {
      conforms('come back to where they were, also after a change', () => {
        const fd = succeeds(calls.open(s.path(), calls.O_RDONLY | calls.O_DIRECTORY));
        const first = calls.nextEntries(fd);
        const { offset } = first.at(-1)!;
        const second = calls.nextEntries(fd).map(({ name }) => name);
        rmSync(s.path(first.find(({ name }) => name.startsWith('entry-'))!.name));
        calls.lseek(fd, offset, SEEK_SET);
        assert.deepEqual(
          calls.nextEntries(fd).map(({ name }) => name),
          second,
        );
      });

      conforms('to the start show what came since', () => {
        const fd = succeeds(calls.open(s.path(), calls.O_RDONLY | calls.O_DIRECTORY));
        while (calls.nextEntries(fd).length > 0);
        writeFileSync(s.path('later'), '');
        calls.lseek(fd, 0, SEEK_SET);
        const seen: string[] = [];
        for (let entries = calls.nextEntries(fd); entries.length > 0; entries = calls.nextEntries(fd))
          seen.push(...entries.map(({ name }) => name));
        assert(seen.includes('later'));
      });
    });
  });

  describe('. and ..', () => {
    subjects(
      (directory) => succeeds(calls.mkdir(`${directory}/dir`)),
      (s) => {
        conforms('are listed with the numbers that stat tells', () => {
          const fd = succeeds(calls.open(s.path('dir'), calls.O_RDONLY | calls.O_DIRECTORY));
          const entries = calls.nextEntries(fd);
          const inode = (name: string): number | undefined =>
            entries.find((entry) => entry.name === name)?.ino;
          assert.equal(inode('.'), calls.lstat(s.path('dir')).ino);
          assert.equal(inode('..'), calls.lstat(s.path()).ino);
        });
      },
    );
  });

  describe(`of ${LARGE_COUNT} entries`, () => {
    const s = subject('base-only', (directory) => {
      for (let i = 0; i < LARGE_COUNT; i++) calls.close(calls.open(`${directory}/${i}`, calls.O_CREAT));
    });
    conforms('list each, also with changes', () => {
      rmSync(s.path('7'));
      writeFileSync(s.path('new'), '');
      const seen = calls.list(s.path());
      assert.equal(seen.length, LARGE_COUNT);
      assert.equal(new Set(seen).size, LARGE_COUNT);
      assert(seen.includes('new') && !seen.includes('7'));
    });
  });
});
