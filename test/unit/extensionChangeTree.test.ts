import assert from 'node:assert/strict';
import {
  byKindAndName,
  changedNodes,
  ChangeTree,
  endOfChain,
  isAttached,
  type ChangeNode,
} from '../../src/extension/changes/changeTree';
import type { Change, ChangeDelta, ChangeKind, Totals } from '../../src/protocol/messages';

const totals: Totals = { changed: 0, created: 0, whiteout: 0, renamed: 0, metadata: 0, storedBytes: 0 };

function change(path: string, kind: ChangeKind = 'changed', extra: Partial<Change> = {}): Change {
  return { path, kind, type: 'file', size: 1, storedBytes: 1, mtime: 0, ...extra };
}

function treeOf(...changes: Change[]): ChangeTree {
  const tree = new ChangeTree();
  tree.reset({ revision: 7, changes, totals });
  return tree;
}

function delta(revision: number, upserted: Change[], removed: string[] = []): ChangeDelta {
  return { revision, upserted, removed, totals };
}

function paths(nodes: Iterable<ChangeNode>): string[] {
  return [...nodes].map(({ path }) => path);
}

describe('ChangeTree', () => {
  it('hangs changes below their directories', () => {
    const tree = treeOf(change('src/a.ts'), change('src/sub/b.ts'), change('c.ts'));
    assert.deepEqual(paths(tree.root.children.values()), ['src', 'c.ts']);
    assert.deepEqual(paths(changedNodes(tree.find('src')!)), ['src/a.ts', 'src/sub/b.ts']);
    assert.equal(tree.size, 3);
    assert.equal(tree.get('src'), undefined);
    assert.equal(tree.find('src/none'), undefined);
  });

  it('takes in a delta and says what to redraw', () => {
    const tree = treeOf(change('src/a.ts'));
    const update = tree.apply(delta(8, [change('src/b.ts', 'created')]));
    assert.deepEqual(paths(update!.reshaped), ['src']);
    assert.deepEqual([...update!.paths], ['src/b.ts']);
    assert.equal(tree.get('src/b.ts')?.change?.kind, 'created');
  });

  it('removes directories that hold nothing any more', () => {
    const tree = treeOf(change('src/sub/a.ts'), change('c.ts'));
    const src = tree.find('src')!;
    const update = tree.apply(delta(8, [], ['src/sub/a.ts']));
    assert.deepEqual(paths(update!.reshaped), ['']);
    assert.deepEqual(paths(update!.altered), []);
    assert.equal(isAttached(src), false);
    assert.deepEqual(paths(tree.root.children.values()), ['c.ts']);
  });

  it('keeps a changed directory when the changes in it go, and redraws the row above', () => {
    const tree = treeOf(change('new', 'created', { type: 'directory' }), change('new/a.ts', 'created'));
    const update = tree.apply(delta(8, [], ['new/a.ts']));
    assert.deepEqual(paths(update!.reshaped), ['new', '']);
    assert.equal(tree.size, 1);
  });

  it('does not redraw for a size', () => {
    const tree = treeOf(change('a.ts'));
    const update = tree.apply(delta(8, [change('a.ts', 'changed', { size: 99 })]));
    assert.deepEqual([update!.reshaped.size, update!.altered.size, update!.paths.size], [0, 0, 0]);
    assert.equal(tree.get('a.ts')?.change?.size, 99);
  });

  it('redraws a row whose kind changes', () => {
    const tree = treeOf(change('a.ts', 'metadata'));
    const update = tree.apply(delta(8, [change('a.ts', 'changed')]));
    assert.deepEqual(paths(update!.altered), ['a.ts']);
    assert.equal(update!.reshaped.size, 0);
  });

  it('refuses a delta after one that it missed, and skips one that it has', () => {
    const tree = treeOf(change('a.ts'));
    assert.equal(tree.apply(delta(9, [change('b.ts')])), null);
    assert.equal(tree.size, 1);
    assert.equal(tree.apply(delta(7, [change('b.ts')]))?.paths.size, 0);
    assert.equal(tree.size, 1);
  });

  it('replaces a whiteout by what took its place', () => {
    const tree = treeOf(change('x', 'whiteout'));
    tree.apply(delta(8, [change('x', 'created', { type: 'directory' }), change('x/y', 'created')]));
    assert.deepEqual(paths(changedNodes(tree.root)), ['x', 'x/y']);
  });

  it('joins directories that hold nothing but one another', () => {
    const tree = treeOf(change('src/main/java/A.java'), change('src/main/java/B.java'));
    assert.equal(endOfChain(tree.find('src')!).path, 'src/main/java');
    tree.apply(delta(8, [change('src/C.java')]));
    assert.equal(endOfChain(tree.find('src')!).path, 'src');
  });

  it('does not join a directory that is a change itself', () => {
    const tree = treeOf(
      change('src/new', 'created', { type: 'directory' }),
      change('src/new/a.ts', 'created'),
    );
    assert.equal(endOfChain(tree.find('src')!).path, 'src');
  });

  it('sorts directories first, and numbers by value', () => {
    const empty = change('y', 'created', { type: 'directory' });
    const tree = treeOf(change('b10'), change('b9'), change('z/a'), empty);
    assert.deepEqual(paths([...tree.root.children.values()].sort(byKindAndName)), ['y', 'z', 'b9', 'b10']);
  });

  it('takes in 10,000 changes in little time', () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      change(`dir${i % 100}/sub${i % 10}/file${i}`, 'created'),
    );
    const tree = treeOf();
    const start = performance.now();
    for (let i = 0; i < 100; i++) tree.apply(delta(8 + i, many.slice(100 * i, 100 * (i + 1))));
    for (const node of [...tree.root.children.values()].sort(byKindAndName)) endOfChain(node);
    assert.equal(tree.size, 10_000);
    console.log(`      ${(performance.now() - start).toFixed()} ms`);
  });
});
