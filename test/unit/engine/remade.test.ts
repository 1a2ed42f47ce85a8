import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { S_IFREG } from '../../../src/sys/stat';
import { assertSame, readImage } from './support/image';
import { EngineSandbox } from './support/sandbox';

describe('A directory that was deleted and made anew', () => {
  let sandbox: EngineSandbox;
  let base: string;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    mkdirSync(join(base, 'again'), 0o755);
    mkdirSync(join(base, 'other'), 0o755);
    mkdirSync(join(base, 'other/below'), 0o755);
    writeFileSync(join(base, 'other/below/file'), 'below');
    writeFileSync(join(base, 'file'), 'base');
  });

  afterEach(() => {
    sandbox.dispose();
  });

  it('shows all of a directory that was renamed into it, while that is committed and after', () => {
    const { engine, mount } = sandbox;
    mount.rmdir('again');
    mount.mkdir('again', 0o755);
    mount.rename('other', 'again/other', 0);
    mount.rename('file', 'again/file', 0);
    const before = readImage(mount);
    sandbox.run(engine.commit({}), () => {
      assertSame('a fresh look at the mount', sandbox.coldView(), before, { directoryTimes: true });
    });
    assert.equal(readFileSync(join(base, 'again/other/below/file'), 'utf8'), 'below');
    assert.deepEqual(sandbox.listed(), []);
    assertSame('the mount', readImage(mount), before, { directoryTimes: true });
  });

  it('gives its times and mode to none that comes to where the old one was', () => {
    const { engine, mount } = sandbox;
    mount.mkdir('other/new', 0o700);
    mount.rename('file', 'other/new/file', 0);
    mount.rename('other', 'file', 0);
    mount.mkdir('other', 0o755);
    mount.mknod('other/new', S_IFREG | 0o644, 0);
    mount.write('other/new', 0, Buffer.from('new'));
    const before = readImage(mount);
    sandbox.run(engine.commit({}));
    assert.deepEqual(sandbox.listed(), []);
    assertSame('the base', sandbox.baseImage(), before);
    assertSame('the mount', sandbox.coldView(), before);
  });

  it('lists nothing of what was changed in one of its name before', () => {
    const { mount } = sandbox;
    mount.rename('other', 'renamed', 0);
    mount.rename('renamed/below', 'gone', 0);
    assert.deepEqual(sandbox.listed(), ['renamed gone', 'renamed renamed']);
    mount.unlink('gone/file');
    mount.rmdir('gone');
    assert.deepEqual(sandbox.listed(), ['renamed renamed', 'whiteout renamed/below']);
    mount.rmdir('renamed');
    mount.mkdir('renamed', 0o755);
    mount.mknod('renamed/file', S_IFREG | 0o644, 0);
    assert.deepEqual(sandbox.listed(), ['whiteout other', 'created renamed', 'created renamed/file']);
  });

  it('takes in what has to make room for what was in the old one', () => {
    const { engine, mount } = sandbox;
    mkdirSync(join(base, 'third'), 0o755);
    writeFileSync(join(base, 'again/file'), 'again');
    mount.rename('again', 'renamed', 0);
    mount.mkdir('again', 0o755);
    mount.rename('third', 'again/first', 0);
    mount.rename('other', 'again/second', 0);
    mount.rename('renamed/file', 'other', 0);
    const before = readImage(mount);
    sandbox.run(engine.commit({}), () => {
      assertSame('a fresh look at the mount', sandbox.coldView(), before, { directoryTimes: true });
    });
    assertSame('the base', sandbox.baseImage(), before, { directoryTimes: true });
    assert.deepEqual(sandbox.listed(), []);
  });

  it('by a rename has what was in the old one, at the same path', () => {
    const { engine, mount } = sandbox;
    writeFileSync(join(base, 'again/file'), 'kept');
    mount.rename('again/file', 'other/file', 0);
    mount.rmdir('again');
    mount.rename('other', 'again', 0);
    const before = readImage(mount);
    assert.deepEqual(sandbox.run(engine.commit({})).conflicts, []);
    assertSame('the base', sandbox.baseImage(), before, { directoryTimes: true });
    assert.deepEqual(sandbox.listed(), []);
  });
});
