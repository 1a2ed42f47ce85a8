import { strict as assert } from 'node:assert';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { UpperRecord } from '../../../src/core/node';
import { encodeRecord, RECORD_XATTR } from '../../../src/core/record';
import { setXattrAt } from '../../../src/sys/xattr';
import { EngineSandbox } from './support/sandbox';

/** A scratch that somebody else made, who wants to read or write outside of it. */
describe('a hostile scratch', () => {
  let sandbox: EngineSandbox;
  let base: string;
  let outside: string;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    outside = sandbox.directory('outside');
    writeFileSync(`${outside}/secret`, 'secret');
    mkdirSync(`${base}/dir`);
    writeFileSync(`${base}/file`, 'base');
    writeFileSync(`${base}/dir/inner`, 'inner');
    // Makes the scratch.
    assert.ok(sandbox.engine);
    sandbox.close();
  });

  afterEach(() => {
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.equal(readFileSync(`${outside}/secret`, 'utf8'), 'secret');
    sandbox.dispose();
  });

  for (const redirect of ['../outside/secret', '..', '/etc/passwd', 'dir/../../outside/secret', '', 'a//b']) {
    it(`gets nothing by a redirect to '${redirect}'`, () => {
      writeFileSync(`${sandbox.scratch}/upper/file`, '');
      plant('file', { ...nothing, redirect, metacopy: true });
      assert.throws(() => read('file'), { code: 'EIO' });
      assert.match(sandbox.log.join('\n') + sandbox.engine.stat('file', 'scratch')!.type, /file/);
      assert.equal(read('dir/inner'), 'inner');
    });
  }

  it('gets nothing by symbolic links in place of directories', () => {
    symlinkSync(outside, `${sandbox.scratch}/upper/dir`);
    assert.equal(sandbox.engine.stat('dir', 'scratch')?.type, 'symlink');
    assert.throws(() => read('dir/secret'));
    sandbox.close();
    renameSync(`${sandbox.scratch}/trash`, `${sandbox.scratch}/old-trash`);
    symlinkSync(outside, `${sandbox.scratch}/trash`);
    assert.throws(() => sandbox.engine, { code: 'ENOTDIR' });
  });

  it('gets nothing by a block map that it names', () => {
    writeFileSync(`${sandbox.scratch}/upper/file`, '');
    symlinkSync(`${outside}/secret`, `${sandbox.scratch}/delta/${'ab'.repeat(8)}`);
    plant('file', { ...nothing, delta: 'ab'.repeat(8) });
    assert.throws(() => read('file'));
  });

  it('gets nothing renamed by the journal of a commit', () => {
    for (const to of ['../outside/new', '/tmp/cowspace-hostile', 'dir/../../outside/new']) {
      const move = { path: 'file', from: 'file', to, oldPath: 'file', detour: false };
      writeFileSync(`${sandbox.scratch}/commit.json`, JSON.stringify(move));
      assert.throws(() => sandbox.engine, { code: 'wrong-scratch', message: /leads out of its folder/ });
      assert.ok(existsSync(`${base}/file`));
      assert.ok(!existsSync('/tmp/cowspace-hostile'));
    }
  });

  it('gets nothing moved by the undo of a discard', () => {
    const folder = `${sandbox.scratch}/trash/1`;
    mkdirSync(folder);
    writeFileSync(`${folder}/0`, 'planted');
    const entry = { whiteout: false, metadata: false, kind: 'created', type: 'file', size: 7 };
    const lines = [
      { ...entry, name: '0', path: '../../outside/planted' },
      { ...entry, name: '../../../outside/secret', path: 'stolen' },
    ];
    for (const line of lines) {
      writeFileSync(`${folder}/entries.jsonl`, `${JSON.stringify(line)}\n`);
      assert.throws(() => sandbox.run(sandbox.engine.undoDiscard('1')));
    }
    assert.equal(sandbox.engine.stat('stolen', 'scratch'), null);
  });

  it('is refused when its description is damaged', () => {
    appendFileSync(`${sandbox.scratch}/cowspace.json`, '}');
    assert.throws(() => sandbox.engine, { code: 'wrong-scratch' });
  });

  function plant(name: string, record: UpperRecord): void {
    const fd = openSync(`${sandbox.scratch}/upper`, 'r');
    assert.equal(setXattrAt(fd, name, RECORD_XATTR, encodeRecord(record)), 0);
    closeSync(fd);
  }

  function read(path: string): string {
    return sandbox.engine.readSide(path, 'scratch', 0, 100).toString();
  }
});

const nothing: UpperRecord = {
  metacopy: false,
  cover: false,
  origin: { layer: 1, ino: 1, mode: 0o100644, uid: 0, gid: 0, size: 4, mtime: 0, mtimeNsec: 0 },
  delta: null,
  redirect: null,
};
