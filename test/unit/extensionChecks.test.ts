import assert from 'node:assert/strict';
import { ChangeTree } from '../../src/extension/changes/changeTree';
import { Checks } from '../../src/extension/changes/checks';
import type { Change, Totals } from '../../src/protocol/messages';

const totals: Totals = { changed: 0, created: 0, whiteout: 0, renamed: 0, metadata: 0, storedBytes: 0 };

function change(path: string, type: Change['type'] = 'file'): Change {
  return { path, kind: 'created', type, size: 1, storedBytes: 1, mtime: 0 };
}

function fixture(...changes: Change[]): { tree: ChangeTree; checks: Checks } {
  const tree = new ChangeTree();
  tree.reset({ revision: 1, changes, totals });
  return { tree, checks: new Checks(tree) };
}

describe('checked changes', () => {
  it('stand for the directory when all in it are checked', () => {
    const { tree, checks } = fixture(change('d', 'directory'), change('d/a'), change('d/b'), change('c'));
    checks.set(tree.find('d/a')!, true);
    assert.deepEqual([checks.has(tree.find('d')!), checks.chosen()], [false, ['d/a']]);
    checks.set(tree.find('d/b')!, true);
    assert.deepEqual([checks.has(tree.find('d')!), checks.chosen()], [true, ['d']]);
  });

  it('follow the check of their directory', () => {
    const { tree, checks } = fixture(change('d/a'), change('d/sub/b'), change('c'));
    checks.set(tree.find('d')!, true);
    assert.equal(checks.has(tree.find('d/sub/b')!), true);
    checks.set(tree.find('d/sub')!, false);
    assert.deepEqual(checks.chosen(), ['d/a']);
  });

  it('do not take in what comes later', () => {
    const { tree, checks } = fixture(change('d/a'), change('e', 'directory'));
    checks.set(tree.find('d')!, true);
    checks.set(tree.find('e')!, true);
    tree.apply({ revision: 2, upserted: [change('d/b'), change('e/c')], removed: [], totals });
    checks.prune();
    assert.deepEqual(checks.chosen(), ['d/a']);
  });

  it('are forgotten with the change', () => {
    const { tree, checks } = fixture(change('a'));
    checks.set(tree.find('a')!, true);
    tree.apply({ revision: 2, upserted: [], removed: ['a'], totals });
    checks.prune();
    assert.equal(checks.any, false);
    tree.apply({ revision: 3, upserted: [change('a')], removed: [], totals });
    assert.deepEqual(checks.chosen(), []);
  });
});
