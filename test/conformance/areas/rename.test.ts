import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../../src/sys/file';
import { S_IFREG } from '../../../src/sys/stat';
import * as calls from '../calls';
import { fails, succeeds } from '../calls';
import { conforms, origins, remount, subject, type Origin, type Subject } from '../fixture';

const kinds = ['file', 'symlink', 'empty directory', 'full directory'] as const;
type Kind = (typeof kinds)[number];

/** Makes an object that tells which one it is. */
function make(path: string, kind: Kind, mark: string): void {
  switch (kind) {
    case 'file':
      writeFileSync(path, mark);
      break;
    case 'symlink':
      symlinkSync(mark, path);
      break;
    case 'empty directory':
      mkdirSync(path);
      break;
    case 'full directory':
      mkdirSync(`${path}/below`, { recursive: true });
      writeFileSync(`${path}/below/${mark}`, mark);
      break;
  }
}

/** What {@link make} made at a path; undefined where there is nothing. */
function describeObject(path: string): string | undefined {
  if (!calls.exists(path)) return undefined;
  const stat = calls.lstat(path);
  const target = calls.readlink(path);
  if (typeof target === 'string') return `symlink ${target}`;
  if (stat.type === S_IFREG) return `file ${readFileSync(path, 'utf8')}`;
  const below = calls.list(path);
  if (below.length === 0) return 'empty directory';
  const [mark] = calls.list(`${path}/${below[0]!}`);
  return `full directory ${readFileSync(`${path}/below/${mark!}`, 'utf8')}`;
}

function expected(kind: Kind, mark: string): string {
  return kind === 'empty directory' ? kind : `${kind} ${mark}`;
}

const isDirectory = (kind: Kind): boolean => kind.endsWith('directory');

/** The error of a plain rename of one kind over another; undefined when it works. */
function errorOf(from: Kind, to: Kind): string | undefined {
  if (isDirectory(from) && !isDirectory(to)) return 'ENOTDIR';
  if (!isDirectory(from) && isDirectory(to)) return 'EISDIR';
  return to === 'full directory' ? 'ENOTEMPTY' : undefined;
}

/** A directory with one object of each kind for each kind that it meets, so that no case meets another's results. */
function matrix(origin: Origin, mark: string): Subject {
  return subject(origin, (directory) => {
    for (const operation of ['rename', 'exchange', 'noreplace']) {
      for (const kind of kinds) {
        for (const other of kinds) make(`${directory}/${operation}-${kind}-${other}`, kind, mark);
      }
    }
  });
}

describe('Rename', () => {
  for (const fromOrigin of origins) {
    for (const toOrigin of origins) {
      const source = matrix(fromOrigin, 'source');
      const target = matrix(toOrigin, 'target');
      describe(`${fromOrigin} over ${toOrigin}`, () => {
        for (const from of kinds) {
          for (const to of kinds) {
            const places = (operation: string): [string, string] => [
              source.path(`${operation}-${from}-${to}`),
              target.path(`${operation}-${to}-${from}`),
            ];
            const error = errorOf(from, to);
            conforms(`${from} over ${to}: ${error ?? 'replaces it'}`, () => {
              const [source, target] = places('rename');
              const result = calls.rename(source, target);
              if (error !== undefined) {
                fails(error, result);
                assert.equal(describeObject(source), expected(from, 'source'));
                assert.equal(describeObject(target), expected(to, 'target'));
                return;
              }
              succeeds(result);
              assert.equal(describeObject(source), undefined);
              assert.equal(describeObject(target), expected(from, 'source'));
            });
            conforms(`${from} and ${to} are exchanged`, () => {
              const [source, target] = places('exchange');
              succeeds(calls.rename(source, target, RENAME_EXCHANGE));
              assert.equal(describeObject(source), expected(to, 'target'));
              assert.equal(describeObject(target), expected(from, 'source'));
            });
            conforms(`${from} does not replace ${to} with NOREPLACE, but where it was removed`, () => {
              const [source, target] = places('noreplace');
              fails('EEXIST', calls.rename(source, target, RENAME_NOREPLACE));
              succeeds(calls.rename(target, `${target}-away`));
              succeeds(calls.rename(source, target, RENAME_NOREPLACE));
              assert.equal(describeObject(source), undefined);
              assert.equal(describeObject(target), expected(from, 'source'));
              assert.equal(describeObject(`${target}-away`), expected(to, 'target'));
            });
          }
        }
      });
    }
  }

  describe('afterwards', () => {
    const all = origins.map((origin) =>
      subject(origin, (directory) => {
        for (const kind of kinds) make(`${directory}/${kind}`, kind, 'source');
        mkdirSync(`${directory}/inner`);
      }),
    );
    conforms('everything is where it was moved, also after a remount', async () => {
      for (const s of all) {
        for (const kind of kinds) succeeds(calls.rename(s.path(kind), s.path(`inner/${kind}`)));
        succeeds(calls.rename(s.path('inner'), s.path('outer')));
      }
      await remount();
      for (const s of all) {
        assert.deepEqual(calls.list(s.path()), ['outer']);
        for (const kind of kinds)
          assert.equal(describeObject(s.path(`outer/${kind}`)), expected(kind, 'source'));
      }
    });
  });
});
