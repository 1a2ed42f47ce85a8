import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { countKinds, deletedByCommit, deletedByDiscard, nameAll } from '../../src/extension/review/plan';
import { relativeTo, shortPaths, shownIn, workspaceAt } from '../../src/extension/workspaces/location';
import { formatBytes } from '../../src/protocol/format';
import type { ChangeKind, PlanItem } from '../../src/protocol/messages';

function item(path: string, kind: ChangeKind, type: PlanItem['type'] = 'file'): PlanItem {
  return { path, kind, type, size: 0 };
}

describe('the plan of a commit or discard', () => {
  const items = [item('a', 'created'), item('b', 'whiteout'), item('d', 'whiteout', 'directory')];
  const holding = (count: number): string => `(+${count})`;

  it('counts the kinds that occur', () => {
    assert.deepEqual(countKinds(items), [
      { kind: 'created', count: 1 },
      { kind: 'whiteout', count: 2 },
    ]);
  });

  it('tells what a commit deletes from the base and a discard from the workspace', () => {
    assert.deepEqual(nameAll(deletedByCommit(items), holding), ['b', 'd/']);
    assert.deepEqual(nameAll(deletedByDiscard(items), holding), ['a']);
  });

  it('lets a directory speak for what is in it', () => {
    const tree = [item('d/sub/x', 'created'), item('d', 'created', 'directory'), item('d/y', 'created')];
    assert.deepEqual(nameAll([...tree, item('dy', 'created')], holding), ['d/ (+2)', 'dy']);
  });

  it('names each of many deletions, in fewer lines', () => {
    const many = Array.from({ length: 500 }, (_, i) => item(`dir${i % 5}/file${i}`, 'whiteout'));
    many.push(item('top', 'whiteout'));
    const lines = nameAll(many, holding);
    assert.equal(lines.length, 6);
    for (const { path } of many) {
      const name = path.slice(path.indexOf('/') + 1);
      assert.ok(
        lines.some((line) => line.split(/, |: /).includes(name)),
        path,
      );
    }
  });
});

describe('finding the workspace of a window', () => {
  const outer = { mount: '/m/a' };
  const inner = { mount: '/m/a/b' };
  const other = { mount: '/m/ab' };
  const all = [outer, inner, other];

  it('takes folders below a mount for the workspace, and the innermost of nested ones', () => {
    assert.equal(workspaceAt('/m/a', all), outer);
    assert.equal(workspaceAt('/m/a/x/y', all), outer);
    assert.equal(workspaceAt('/m/a/b/c', all), inner);
    assert.equal(workspaceAt('/m/ab', all), other);
    assert.equal(workspaceAt('/m', all), undefined);
  });

  it('lists each workspace once, in the order of the folders', () => {
    assert.deepEqual(shownIn(['/m/ab/x', '/elsewhere', '/m/a', '/m/a/y'], all), [other, outer]);
  });

  it('shortens what lies in the home directory', () => {
    const home = homedir();
    assert.equal(shortPaths([`${home}/a/b`, `${home}x`, '/c']), `~/a/b, ${home}x, /c`);
  });

  it('makes paths relative to the mount', () => {
    assert.equal(relativeTo('/m/a/x/y', '/m/a'), 'x/y');
    assert.equal(relativeTo('/m/a', '/m/a'), '');
  });
});

describe('formatBytes', () => {
  it('rounds for people', () => {
    const expected = new Map([
      [0, '0 B'],
      [1023, '1023 B'],
      [1024, '1 KB'],
      [1536, '1.5 KB'],
      [10_240, '10 KB'],
      [1_048_500, '1 MB'],
      [1_572_864, '1.5 MB'],
      [5 * 2 ** 40, '5 TB'],
    ]);
    for (const [bytes, text] of expected) assert.equal(formatBytes(bytes), text);
  });
});
