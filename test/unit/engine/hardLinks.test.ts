import { strict as assert } from 'node:assert';
import {
  appendFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { linkKey } from '../../../src/core/linkKeys';
import { RENAME_EXCHANGE } from '../../../src/sys/file';
import { S_IFREG } from '../../../src/sys/stat';
import { assertSame, readImage } from './support/image';
import type { MountTree } from './support/mountTree';
import { EngineSandbox, withDisk } from './support/sandbox';

const BLOCK = 4096;

describe('Files with several names', () => {
  let sandbox: EngineSandbox;
  let base: string;

  beforeEach(() => {
    sandbox = new EngineSandbox(1, { deltaThreshold: BLOCK });
    base = sandbox.bases[0]!;
    writeFileSync(join(base, 'first'), Buffer.alloc(8 * BLOCK, 'base'));
    linkSync(join(base, 'first'), join(base, 'second'));
    writeFileSync(join(base, 'other'), 'other');
    symlinkSync('target', join(base, 'symlink'));
    linkSync(join(base, 'symlink'), join(base, 'symlink2'));
  });

  afterEach(() => {
    sandbox.dispose();
  });

  it('follow the directory that they were renamed into, when one step of a commit moves both', () => {
    const { engine, mount } = sandbox;
    for (const name of ['above', 'into']) mkdirSync(join(base, name));
    for (const name of ['above/file', 'above/room', 'replacement']) writeFileSync(join(base, name), name);
    mount.rename('above/file', 'file', 0);
    mount.rename('above/room', 'room', 0);
    mount.rename('above', 'moved', 0);
    // To make room for it, all of the others are moved.
    mount.rename('replacement', 'above', 0);
    mount.rename('into', 'renamed', 0);
    mount.rename('room', 'into', 0);
    mount.rename('file', 'renamed/file', 0);
    sandbox.listed();
    mount.link('renamed/file', 'link');
    const before = readImage(mount);
    sandbox.run(engine.commit({}));
    assert.deepEqual(sandbox.listed(), []);
    assertSame('the base', sandbox.baseImage(), before, { directoryTimes: true });
  });

  for (const moves of [false, true]) {
    it(`stand on another when a commit takes the one that they were found by${moves ? ', in a directory that moves' : ''}`, () => {
      const { engine, mount } = sandbox;
      for (const name of ['a', 'b', 'c', 'd', 'f']) mkdirSync(join(base, name));
      linkSync(join(base, 'first'), join(base, 'f/file'));
      linkSync(join(base, 'first'), join(base, 'a/c'));
      mount.unlink('first');
      mount.unlink('second');
      mount.rename('b', 'f', RENAME_EXCHANGE);
      mount.write('b/file', 0, Buffer.from('new'));
      const { undoId } = sandbox.run(engine.discard({}));
      assert.ok(undoId !== undefined);
      sandbox.run(engine.undoDiscard(undoId));
      mount.rename('a', 'd', RENAME_EXCHANGE);
      mount.rename('d/c', 'c', RENAME_EXCHANGE);
      if (moves) mount.rename('b', 'd/d', 0);
      mount.unlink('c');
      const before = readImage(mount);
      sandbox.run(engine.commit({}), () => {
        assertSame('a fresh look at the mount', sandbox.coldView(), before, { directoryTimes: true });
      });
      assert.deepEqual(sandbox.listed(), []);
      assertSame('the base', sandbox.baseImage(), before, { directoryTimes: true });
    });
  }

  it('are listed as they are when the one under which they were changed is gone', () => {
    const { engine, mount } = sandbox;
    mount.write('first', 0, Buffer.from('new'));
    mount.rename('second', 'x', 0);
    mount.mknod('new', S_IFREG | 0o644, 0);
    sandbox.listed();
    mount.dropCaches();
    mount.truncate('first', 5);
    mount.rename('new', 'first', 0);
    mount.dropCaches();
    sandbox.listed();
    assert.equal(engine.changes.list().changes.find(({ path }) => path === 'x')?.size, 5);
  });

  it('are written with their change when one more was made of another than it was made under', () => {
    sandbox.mount.write('second', 0, Buffer.from('changed'));
    sandbox.close();
    sandbox.mount.link('first', 'link');
    sandbox.close();
    const before = readImage(sandbox.mount);
    sandbox.close();
    sandbox.run(sandbox.engine.commit({}));
    assert.deepEqual(sandbox.listed(), []);
    assertSame('the base', sandbox.baseImage(), before, { directoryTimes: true });
  });

  for (const again of [false, true]) {
    it(`keep a change when the name that it was made under goes${again ? ', after a remount' : ''}`, () => {
      sandbox.mount.write('first', 0, Buffer.from('new!'));
      sandbox.mount.utimes('symlink', 1, 0);
      if (again) sandbox.close();
      sandbox.mount.unlink('first');
      sandbox.mount.unlink('symlink');
      sandbox.mount.dropCaches();
      const expected = ['whiteout first', 'changed second', 'whiteout symlink', 'metadata symlink2'];
      assert.deepEqual(sandbox.listed(), expected);
      sandbox.run(sandbox.engine.commit({}));
      assert.deepEqual(sandbox.listed(), []);
      assert.equal(readFileSync(join(base, 'second')).toString('latin1', 0, 8), 'new!base');
      assert.equal(lstatSync(join(base, 'symlink2')).mtimeMs, 1000);
    });
  }

  it('keep a change that shows in a renamed directory only', () => {
    mkdirSync(join(base, 'directory'));
    linkSync(join(base, 'first'), join(base, 'directory/third'));
    sandbox.mount.write('first', 0, Buffer.from('new!'));
    sandbox.mount.rename('directory', 'renamed', 0);
    sandbox.mount.unlink('first');
    sandbox.mount.unlink('second');
    sandbox.close();
    const expected = ['whiteout first', 'renamed renamed', 'changed renamed/third', 'whiteout second'];
    assert.deepEqual(sandbox.listed(), expected);
    assert.equal(sandbox.mount.read('renamed/third').toString('latin1', 0, 4), 'new!');
  });

  it('lose a name in the base when it is renamed over another', () => {
    const { engine, mount } = sandbox;
    mount.mknod('new', S_IFREG | 0o600, 0);
    mount.rename('new', 'first', 0);
    mount.rename('second', 'first', 0);
    sandbox.run(engine.commit({}));
    assert.deepEqual(readdirSync(base).sort(), ['first', 'other', 'symlink', 'symlink2']);
  });

  it('change places in the base with another file', () => {
    const { engine, mount } = sandbox;
    writeFileSync(join(base, 'before'), 'before');
    mount.rename('before', 'first', RENAME_EXCHANGE);
    mount.write('before', 0, Buffer.from('new!'));
    sandbox.run(engine.commit({}));
    assert.deepEqual(readdirSync(base), ['before', 'first', 'other', 'second', 'symlink', 'symlink2']);
    assert.equal(readFileSync(join(base, 'before')).toString('latin1', 0, 8), 'new!base');
    assert.equal(readFileSync(join(base, 'first')).toString(), 'before');
    assert.equal(lstatSync(join(base, 'second')).ino, lstatSync(join(base, 'before')).ino);
    assert.deepEqual(sandbox.listed(), []);
  });

  it('are found again when the directory in which they show moves once more', () => {
    const { mount } = sandbox;
    mkdirSync(join(base, 'directory'));
    linkSync(join(base, 'first'), join(base, 'directory/third'));
    mount.write('first', 0, Buffer.from('new!'));
    mount.unlink('first');
    mount.unlink('second');
    assert.deepEqual(sandbox.listed(), ['changed directory/third', 'whiteout first', 'whiteout second']);
    mount.rename('directory', 'renamed', 0);
    const expected = ['whiteout first', 'renamed renamed', 'changed renamed/third', 'whiteout second'];
    assert.deepEqual(sandbox.listed(), expected);
    sandbox.run(sandbox.engine.discard({}));
    assert.deepEqual(sandbox.listed(), []);
    assert.equal(mount.read('first').toString('latin1', 0, 4), 'base');
  });

  it('are not listed below the old path of a directory in whose place another is', () => {
    const { mount } = sandbox;
    mount.mkdir('old', 0o755);
    mount.link('first', 'old/link');
    assert.deepEqual(sandbox.listed(), ['created old', 'created old/link']);
    mount.rename('old', 'new', 0);
    mount.mkdir('old', 0o755);
    assert.deepEqual(sandbox.listed(), ['created new', 'created new/link', 'created old']);
  });

  for (const when of ['refresh', 'remount']) {
    it(`are not taken for new ones that got their inode number in the base, after a ${when}`, function () {
      writeFileSync(join(base, 'old'), 'base');
      linkSync(join(base, 'old'), join(base, 'old2'));
      const { ino } = lstatSync(join(base, 'old'));
      sandbox.mount.write('old', 0, Buffer.from('mine'));
      assert.equal(sandbox.mount.read('old2').toString(), 'mine');
      if (when === 'remount') sandbox.close();
      rmSync(join(base, 'old'));
      rmSync(join(base, 'old2'));
      // Not all file systems give numbers away again.
      if (!makeWithNumber(ino)) this.skip();
      if (when === 'refresh') sandbox.run(sandbox.engine.refresh());
      assert.equal(sandbox.mount.read('new').toString(), 'new');
      assert.equal(sandbox.mount.stat('new').nlink, 2);
      assert.deepEqual(sandbox.listed(), ['created old']);
      sandbox.mount.write('new', 0, Buffer.from('NEW'));
      assert.equal(sandbox.mount.read('new2').toString(), 'NEW');
      sandbox.close();
      const texts = ['new', 'new2', 'old'].map((name) => sandbox.mount.read(name).toString());
      assert.deepEqual(texts, ['NEW', 'NEW', 'mine']);
      sandbox.run(sandbox.engine.commit({ skipConflicts: true }));
      assert.equal(readFileSync(join(base, 'new2'), 'utf8'), 'NEW');
      sandbox.mount.unlink('old');
      sandbox.close();
      sandbox.listed();
      assert.deepEqual(entries('index'), []);
    });
  }

  for (const how of ['untouched', 'changed in the workspace']) {
    it(`lose the names that others removed in the base, after a refresh, ${how}`, () => {
      addThirdName();
      const { engine, mount } = sandbox;
      if (how !== 'untouched') mount.write('first', 0, Buffer.from('new!'));
      readImage(mount);
      rmSync(join(base, 'second'));
      rmSync(join(base, 'directory/third'));
      writeFileSync(join(base, 'directory/third'), 'another');
      sandbox.run(engine.refresh());
      const refreshed = readImage(mount);
      sandbox.close();
      assertSame('the mount', refreshed, readImage(sandbox.mount));
      assert.equal(sandbox.mount.read('directory/third').toString(), 'another');
    });
  }

  /** Makes a file with two names in the base that has this inode number; returns whether that was possible. */
  function makeWithNumber(ino: number): boolean {
    const made = Array.from({ length: 64 }, (_, i) => join(base, `made${i}`));
    for (const path of made) writeFileSync(path, 'new');
    const found = made.find((path) => lstatSync(path).ino === ino);
    if (found !== undefined) for (const name of ['new', 'new2']) linkSync(found, join(base, name));
    for (const path of made) rmSync(path);
    return found !== undefined;
  }

  it('leave nothing in the scratch when all are deleted', () => {
    const { mount } = sandbox;
    mount.write('first', 0, Buffer.from('new!'));
    mount.open('@1', 'second');
    mount.unlink('first');
    mount.unlink('second');
    assert.deepEqual(sandbox.listed(), ['whiteout first', 'whiteout second']);
    assert.equal(mount.read('@1').toString('latin1', 0, 8), 'new!base');
    mount.closeHandles();
    assert.deepEqual(sandbox.run(sandbox.engine.verify()), []);
    for (const folder of ['index', 'delta']) assert.deepEqual(entries(folder), [], folder);
  });

  it('are listed with their size under names that nobody looked at', () => {
    const { engine, mount } = sandbox;
    mount.mknod('created', S_IFREG | 0o600, 0);
    mount.link('created', 'linked');
    sandbox.run(engine.changes.update());
    mount.dropCaches();
    mount.truncate('created', 5);
    sandbox.run(engine.changes.update());
    const sizes = engine.changes.list().changes.map(({ path, size }) => `${path} ${size}`);
    assert.deepEqual(sizes, ['created 5', 'linked 5']);
  });

  it('leave nothing else in the base when one changes places with another file', () => {
    sandbox.mount.rename('other', 'second', RENAME_EXCHANGE);
    sandbox.run(sandbox.engine.commit({}));
    assert.deepEqual(readdirSync(base).sort(), ['first', 'other', 'second', 'symlink', 'symlink2']);
    assert.equal(readFileSync(join(base, 'second'), 'utf8'), 'other');
    assert.equal(lstatSync(join(base, 'other')).nlink, 2);
  });

  it('are committed whole when one replaces another file', () => {
    const { engine, mount } = sandbox;
    mount.stat('first');
    mount.rename('second', 'other', 0);
    mount.write('first', 4 * BLOCK, Buffer.from('new!'));
    const expected = mount.read('other');
    sandbox.run(engine.commit({}));
    for (const name of ['first', 'other']) assert.ok(readFileSync(join(base, name)).equals(expected), name);
  });

  it('are one file again after a discard, also under a name that was as in the base', () => {
    const { engine, mount } = sandbox;
    mount.utimes('symlink', 1, 0);
    mount.unlink('symlink');
    mount.stat('first');
    mount.truncate('second', 3);
    mount.write('second', 0, Buffer.alloc(8 * BLOCK, 'base'));
    mount.rename('second', 'renamed', 0);
    sandbox.run(engine.discard({}));
    mount.write('first', 0, Buffer.from('new!'));
    assert.equal(mount.read('second').toString('latin1', 0, 4), 'new!');
    mount.utimes('symlink', 2, 0);
    assert.equal(mount.stat('symlink2').mtime, 2);
    sandbox.run(engine.discard({}));
    assert.deepEqual(sandbox.listed(), []);
  });

  it('are one file again after a discard of the directory under which the scratch has them', () => {
    addThirdName();
    const { engine, mount } = sandbox;
    // The first name that is looked up is that of the copy.
    mount.stat('directory/third');
    mount.rename('first', 'renamed', 0);
    mount.unlink('renamed');
    mount.rename('directory', 'moved', 0);
    const before = sandbox.listed();
    const { undoId } = sandbox.run(engine.discard({}));
    assert.deepEqual(entries('index'), []);
    mount.write('first', 0, Buffer.from('new!'));
    mount.unlink('first');
    mount.dropCaches();
    assert.deepEqual(sandbox.listed(), ['changed directory/third', 'whiteout first', 'changed second']);
    sandbox.run(engine.discard({}));
    sandbox.run(engine.undoDiscard(undoId));
    assert.deepEqual(sandbox.listed(), before);
    assert.equal(mount.read('moved/third').toString('latin1', 0, 4), 'base');
  });

  it('stay what they were for who has them open when they are discarded', () => {
    const { engine, mount } = sandbox;
    mount.stat('second');
    mount.truncate('first', 3);
    mount.open('@open', 'first');
    sandbox.run(engine.discard({}));
    assert.equal(mount.stat('@open').size, 3);
    assert.equal(mount.read('@open').toString(), 'bas');
  });

  it('are no conflict when a commit takes one from the base', () => {
    const { engine, mount } = sandbox;
    mount.rename('other', 'first', 0);
    mount.unlink('second');
    const { conflicts } = sandbox.run(engine.commit({}));
    assert.deepEqual(conflicts, []);
    assert.deepEqual(sandbox.listed(), []);
  });

  for (const [how, name] of [
    ['linked', 'other'],
    ['renamed', 'new'],
  ] as const) {
    it(`are no conflict under a name that replaced another file than the first did: ${how}`, () => {
      const { engine, mount } = sandbox;
      mkdirSync(join(base, 'directory'));
      writeFileSync(join(base, 'directory/replaced'), 'replaced');
      mount.unlink('other');
      mount.mknod(name, S_IFREG | 0o644, 0);
      mount.unlink('directory/replaced');
      mount.link(name, 'directory/replaced');
      if (name === 'new') mount.rename('new', 'other', 0);
      mount.unlink('other');
      assert.deepEqual(sandbox.run(engine.commit({})).conflicts, []);
      assert.deepEqual(sandbox.listed(), []);
    });
  }

  function keyOf(name: string): string {
    return withDisk(base, (tree) => linkKey(1, tree.stat(name)));
  }

  function links(path: string): number {
    sandbox.mount.dropCaches();
    return sandbox.mount.stat(path).nlink;
  }

  type Operation = (mount: MountTree) => void;
  const write: Operation = (mount) => mount.write('first', 0, Buffer.from('new!'));
  const operations: [title: string, operations: Operation[], counts: Readonly<Record<string, number>>][] = [
    ['a name goes', [(mount) => mount.unlink('first')], { second: 2 }],
    [
      'all but one go',
      [(mount) => mount.unlink('first'), (mount) => mount.unlink('second')],
      { 'directory/third': 1 },
    ],
    ['one is written to', [write], { first: 3, second: 3 }],
    ['one is emptied', [(mount) => mount.truncate('first', 0)], { first: 3, second: 3 }],
    ['the written one goes', [write, (mount) => mount.unlink('first')], { second: 2 }],
    ['another than the written one goes', [write, (mount) => mount.unlink('second')], { first: 2 }],
    ['one moves', [(mount) => mount.rename('first', 'moved', 0)], { moved: 3, second: 3 }],
    ['one more comes', [(mount) => mount.link('first', 'more')], { more: 4, 'directory/third': 4 }],
    ['one is replaced', [(mount) => mount.rename('other', 'second', 0)], { first: 2, second: 1 }],
    [
      'one changes places with another file',
      [(mount) => mount.rename('other', 'second', RENAME_EXCHANGE)],
      { first: 3, other: 3, second: 1 },
    ],
    [
      'their directory moves, and one in it goes',
      [(mount) => mount.rename('directory', 'moved', 0), (mount) => mount.unlink('moved/third')],
      { first: 2 },
    ],
    [
      'their directory is deleted and made anew',
      [
        (mount) => mount.unlink('directory/third'),
        (mount) => mount.rmdir('directory'),
        (mount) => mount.mkdir('directory', 0o755),
      ],
      { first: 2 },
    ],
  ];
  for (const [title, steps, counts] of operations) {
    it(`are counted, also after a remount, a discard, its undo, and a commit, when ${title}`, () => {
      addThirdName();
      for (const step of steps) step(sandbox.mount);
      const assertCounts = (when: string): void => {
        for (const [path, count] of Object.entries(counts))
          assert.equal(links(path), count, `${path} ${when}`);
      };
      assertCounts('at once');
      sandbox.close();
      assertCounts('after a remount');
      const { undoId } = sandbox.run(sandbox.engine.discard({}));
      for (const path of ['first', 'second', 'directory/third']) assert.equal(links(path), 3, path);
      sandbox.run(sandbox.engine.undoDiscard(undoId));
      assertCounts('after an undone discard');
      sandbox.close();
      assertCounts('after an undone discard and a remount');
      sandbox.run(sandbox.engine.commit({}), () => {
        sandbox.mount.deliver();
        assertCounts('between two steps of a commit');
      });
      assertCounts('after a commit');
      sandbox.close();
      assertCounts('after a commit and a remount');
    });
  }

  function addThirdName(): void {
    mkdirSync(join(base, 'directory'));
    linkSync(join(base, 'first'), join(base, 'directory/third'));
  }

  for (const again of [false, true]) {
    it(`are all written when one was made of them${again ? ' before a remount' : ''}`, () => {
      sandbox.mount.write('first', 0, Buffer.from('new!'));
      sandbox.mount.link('first', 'a');
      if (again) sandbox.close();
      sandbox.run(sandbox.engine.commit({}));
      assert.deepEqual(sandbox.listed(), []);
      assert.equal(lstatSync(join(base, 'second')).nlink, 3);
      assert.equal(readFileSync(join(base, 'second')).toString('latin1', 0, 4), 'new!');
    });
  }

  for (const successor of ['another file', 'a file in the place of its directory']) {
    it(`keep what they have when a commit takes the name that it was found by: ${successor}`, () => {
      for (const name of ['above', 'directory']) mkdirSync(join(base, name));
      linkSync(join(base, 'first'), join(base, 'above/third'));
      const before = readFileSync(join(base, 'first'));
      sandbox.mount.chmod('above/third', 0o640);
      sandbox.mount.link('above/third', 'link');
      sandbox.mount.unlink('link');
      sandbox.mount.unlink('above/third');
      if (successor === 'another file') {
        sandbox.mount.mknod('above/third', S_IFREG | 0o644, 0);
        sandbox.mount.write('above/third', 0, Buffer.from('successor'));
      } else {
        sandbox.mount.rmdir('above');
        sandbox.mount.mknod('above', S_IFREG | 0o644, 0);
      }
      sandbox.mount.rename('directory', 'moved', 0);
      sandbox.close();
      const { engine, mount } = sandbox;
      mount.open('@open', 'second');
      sandbox.run(engine.commit({ paths: ['moved'] }));
      sandbox.run(engine.commit({ paths: ['above'] }));
      const start = Buffer.alloc(4);
      engine.read(engine.lookup(engine.root, 'second')!, start, 4, 0);
      assert.deepEqual(start, before.subarray(0, 4));
      mount.dropCaches();
      const { mode, nlink } = mount.stat('@open');
      assert.deepEqual([mode & 0o777, nlink], [0o640, 2]);
      mount.closeHandles();
      assert.deepEqual(mount.read('second'), before);
      assert.deepEqual(sandbox.listed(), ['metadata first', 'metadata second']);
    });
  }

  it('are a change to be listed where the base has two equal files instead', () => {
    const { engine, mount } = sandbox;
    for (const name of ['one', 'two']) {
      writeFileSync(join(base, name), 'same');
      utimesSync(join(base, name), 1, 1);
    }
    mount.write('one', 0, Buffer.from('same'));
    mount.utimes('one', 1, 0);
    mount.unlink('two');
    mount.link('one', 'two');
    let steps = 0;
    sandbox.run(engine.changes.update(), () => assert(steps++ < 100, 'it does not come to an end'));
    assert.equal(sandbox.listed().length, 1);
    sandbox.run(engine.commit({}));
    assert.deepEqual(sandbox.listed(), []);
    assert.equal(lstatSync(join(base, 'one')).ino, lstatSync(join(base, 'two')).ino);
  });

  it('are a change where only that differs which of them are one file', () => {
    writeFileSync(join(base, 'equal'), 'other');
    sandbox.mount.unlink('equal');
    sandbox.mount.link('other', 'equal');
    sandbox.mount.unlink('second');
    sandbox.mount.mknod('second', S_IFREG | 0o644, 0);
    sandbox.mount.write('second', 0, Buffer.alloc(8 * BLOCK, 'base'));
    sandbox.mount.unlink('symlink2');
    sandbox.mount.symlink('symlink2', 'target');
    assert.deepEqual(sandbox.listed(), ['metadata equal', 'metadata second', 'metadata symlink2']);
    sandbox.run(sandbox.engine.commit({}));
    assert.deepEqual(sandbox.listed(), []);
    assert.equal(lstatSync(join(base, 'equal')).ino, lstatSync(join(base, 'other')).ino);
    assert.notEqual(lstatSync(join(base, 'second')).ino, lstatSync(join(base, 'first')).ino);
    assert.notEqual(lstatSync(join(base, 'symlink2')).ino, lstatSync(join(base, 'symlink')).ino);
  });

  it('are no conflict with themselves under a name that their record does not lead to', () => {
    const { engine, mount } = sandbox;
    const later = Date.now() / 1000 + 100;
    utimesSync(join(base, 'first'), later, later);
    mount.rename('second', 'x', 0);
    mount.rename('x', 'second', 0);
    mount.rename('first', 'x', 0);
    mount.rename('x', 'first', 0);
    mount.write('first', 0, Buffer.from('new!'));
    assert.deepEqual(sandbox.run(engine.commit({})).conflicts, []);
    assert.deepEqual(readFileSync(join(base, 'first')).toString('latin1', 0, 8), 'new!base');
  });

  it('are no conflict when a commit took the others, before a remount', () => {
    sandbox.mount.unlink('first');
    sandbox.mount.unlink('second');
    sandbox.run(sandbox.engine.commit({ paths: ['first'] }));
    sandbox.close();
    assert.deepEqual(sandbox.run(sandbox.engine.commit({})).conflicts, []);
    assert.match(readFileSync(join(sandbox.scratch, 'commits'), 'latin1'), /^settled [\d.]+\n$/);
  });

  it('are counted after a crash between booking a name and removing it', () => {
    addThirdName();
    sandbox.mount.unlink('second');
    sandbox.close();
    const key = keyOf('first');
    appendFileSync(join(sandbox.scratch, 'links'), `+${key} first\0`);
    assert.equal(links('first'), 2);
    // Power loss: a record that was cut off.
    sandbox.close();
    appendFileSync(join(sandbox.scratch, 'links'), `+${key} fir`);
    sandbox.mount.unlink('first');
    sandbox.close();
    assert.equal(links('directory/third'), 1);
  });

  it('have a log that stays short', () => {
    const log = join(sandbox.scratch, 'links');
    const record = `+${keyOf('first')} first\0`;
    sandbox.mount.unlink('first');
    sandbox.close();
    assert.equal(readFileSync(log, 'latin1'), record);
    appendFileSync(log, record.repeat(2000));
    assert.equal(links('second'), 1);
    assert.equal(readFileSync(log, 'latin1'), record);
  });

  it('have a log that stays short while they are removed and come back again and again', () => {
    const names = Array.from({ length: 200 }, (_, i) => `name${i}`);
    for (const name of names) linkSync(join(base, 'first'), join(base, name));
    for (let i = 0; i < 4; i++) {
      for (const name of names) sandbox.mount.unlink(name);
      assert.equal(links('first'), 2);
      sandbox.run(sandbox.engine.discard({}));
      const records = readFileSync(join(sandbox.scratch, 'links'), 'latin1').split('\0').length - 1;
      assert.ok(records <= 1000, `${records} records`);
    }
    sandbox.mount.unlink(names[0]!);
    sandbox.close();
    assert.equal(links('first'), names.length + 1);
  });

  function entries(folder: string): string[] {
    return readdirSync(join(sandbox.scratch, folder));
  }
});
