import { strict as assert } from 'node:assert';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { runToEnd } from '../../src/core/job';
import { EditorFiles } from '../../src/driver/editor/editorFiles';
import { search } from '../../src/driver/editor/search';
import { CowspaceError, type ErrorCode } from '../../src/protocol/errors';
import { EngineSandbox } from './engine/support/sandbox';

const asIs = { truncate: false, create: false, overwrite: true };
const anew = { truncate: true, create: true, overwrite: true };

describe('files of a workspace without a mount', () => {
  let sandbox: EngineSandbox;
  let base: string;
  let files: EditorFiles;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    mkdirSync(`${base}/sub`);
    writeFileSync(`${base}/file`, 'base\n');
    writeFileSync(`${base}/sub/inner`, 'inner of the base\n');
    files = new EditorFiles(sandbox.engine);
  });

  afterEach(() => sandbox.dispose());

  it('are read and written, and the base stays', () => {
    files.write('file', Buffer.from('edited\n'), 0, anew);
    files.write('file', Buffer.from('E'), 0, asIs);
    files.write('new', Buffer.from('new'), 0, anew);
    assert.equal(read('file'), 'Edited\n');
    assert.equal(files.read('file', 1, 3).toString(), 'dit');
    assert.deepEqual(names(''), ['file', 'new', 'sub']);
    assert.equal(readFileSync(`${base}/file`, 'utf8'), 'base\n');
    assert.ok(!existsSync(`${base}/new`));
  });

  it('are made, moved and removed', () => {
    files.makeDirectory('made');
    runToEnd(files.rename('sub', 'made/sub', false));
    runToEnd(files.rename('file', 'made/file', false));
    assert.deepEqual(names('made'), ['file', 'sub']);
    assert.equal(read('made/sub/inner'), 'inner of the base\n');
    refuses('not-empty', () => runToEnd(files.remove('made', false)));
    runToEnd(files.remove('made', true));
    assert.deepEqual(names(''), []);
    assert.equal(files.stat('made'), null);
  });

  it('take the place of others only if that is wanted', () => {
    files.write('other', Buffer.from('other'), 0, anew);
    refuses('exists', () => files.write('other', Buffer.from(''), 0, { ...anew, overwrite: false }));
    refuses('exists', () => files.makeDirectory('sub'));
    refuses('exists', () => runToEnd(files.rename('file', 'other', false)));
    runToEnd(files.rename('file', 'other', true));
    assert.equal(read('other'), 'base\n');
    runToEnd(files.rename('other', 'sub', true));
    assert.equal(files.stat('sub')?.type, 'file');
    refuses('not-found', () => files.write('none', Buffer.from(''), 0, { ...anew, create: false }));
  });

  it('are not moved into or over what contains them', () => {
    for (const to of ['sub/deeper', './sub/deeper', 'sub//deeper']) {
      refuses('usage', () => runToEnd(files.rename('sub', to, true)));
    }
    refuses('usage', () => runToEnd(files.rename('sub/inner', 'sub', true)));
    assert.equal(read('sub/inner'), 'inner of the base\n');
  });

  it('are found through symbolic links, but only in the workspace', () => {
    writeFileSync(`${sandbox.root}/outside`, 'outside');
    symlinkSync('sub/../file', `${base}/link`);
    symlinkSync('../outside', `${base}/up`);
    symlinkSync(`${sandbox.root}/outside`, `${base}/absolute`);
    symlinkSync('loop', `${base}/loop`);
    assert.equal(read('link'), 'base\n');
    const { type, link } = files.stat('link')!;
    assert.deepEqual([type, link], ['file', true]);
    for (const path of ['up', 'absolute']) {
      assert.equal(files.stat(path)?.type, 'symlink');
      refuses('denied', () => files.read(path, 0, 1));
      refuses('denied', () => files.write(path, Buffer.from('x'), 0, anew));
    }
    refuses('usage', () => files.read('loop', 0, 1));
    refuses('usage', () => files.read('../outside', 0, 1));
    assert.equal(readFileSync(`${sandbox.root}/outside`, 'utf8'), 'outside');
  });

  it('have permissions, as with any other program', () => {
    chmodSync(`${base}/file`, 0o444);
    chmodSync(`${base}/sub`, 0o700);
    const stranger = new EditorFiles(sandbox.engine, { uid: 4711, gid: 4711, groups: [] });
    assert.equal(stranger.stat('file')?.writable, false);
    assert.equal(stranger.read('file', 0, 4).toString(), 'base');
    refuses('denied', () => stranger.write('file', Buffer.from('x'), 0, anew));
    refuses('denied', () => stranger.write('new', Buffer.from('x'), 0, anew));
    refuses('denied', () => stranger.read('sub/inner', 0, 1));
    refuses('denied', () => stranger.list('sub'));
    refuses('denied', () => runToEnd(stranger.remove('file', false)));
    refuses('denied', () => runToEnd(stranger.rename('file', 'other', false)));
  });

  it('are searched', () => {
    writeFileSync(`${base}/sub/more`, 'nothing\nHas (what) is looked for, has (What) twice\n');
    writeFileSync(`${base}/sub/binary`, 'what\0');
    mkdirSync(`${base}/skipped`);
    writeFileSync(`${base}/skipped/file`, 'what');
    const find = (text: string, matchCase: boolean): unknown[] =>
      runToEnd(search(files, { text, matchCase, skip: ['skipped'] })).map(({ path, line, column }) => [
        path,
        line,
        column,
      ]);
    assert.deepEqual(find('(what)', false), [
      ['sub/more', 1, 4],
      ['sub/more', 1, 30],
    ]);
    assert.deepEqual(find('(What)', true), [['sub/more', 1, 30]]);
    assert.deepEqual(find('base', true), [
      ['file', 0, 0],
      ['sub/inner', 0, 13],
    ]);
  });

  function read(path: string): string {
    return files.read(path, 0, 1000).toString();
  }

  function names(path: string): string[] {
    return files
      .list(path)
      .map(({ name }) => name)
      .sort();
  }

  function refuses(code: ErrorCode, act: () => unknown): void {
    assert.throws(act, (error) => error instanceof CowspaceError && error.code === code, code);
  }
});
