import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CowspaceError, type ErrorCode } from '../../../src/protocol/errors';
import { findHome } from '../../../src/protocol/home';
import {
  checkName,
  nameFor,
  Registry,
  type WorkspaceConfig,
  writeState,
} from '../../../src/protocol/registry';

describe('registry', () => {
  let home: string;
  let registry: Registry;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'cow-registry-'));
    registry = new Registry(findHome({ COWSPACE_HOME: home }));
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  function config(name: string): WorkspaceConfig {
    return {
      version: 1,
      name,
      bases: ['/base'],
      mount: '/mount',
      scratch: '/scratch',
      driver: 'kernel',
      allowOther: false,
      deltaThreshold: null,
      made: { mount: true, scratch: false },
      adopted: true,
    };
  }

  async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
    await assert.rejects(promise, (error) => error instanceof CowspaceError && error.code === code);
  }

  it('is empty before anything was registered', async () => {
    assert.deepEqual(await registry.names(), []);
    await rejectsWith('not-found', registry.read('a'));
    assert.equal(await registry.readState('a'), null);
  });

  it('keeps what was registered, each name once', async () => {
    assert(await registry.add(config('b')));
    assert(await registry.add(config('a')));
    assert(!(await registry.add({ ...config('a'), mount: '/other' })));
    assert.deepEqual(await registry.names(), ['a', 'b']);
    assert.deepEqual(await registry.read('a'), config('a'));
    await registry.delete('a');
    assert.deepEqual(readdirSync(join(home, 'workspaces')), ['b']);
  });

  it('gives a name to one of several who want it at once', async () => {
    const added = await Promise.all([1, 2, 3, 4].map(() => registry.add(config('a'))));
    assert.equal(added.filter(Boolean).length, 1);
    assert.deepEqual(readdirSync(join(home, 'workspaces')), ['a']);
  });

  it('says which file is damaged', async () => {
    for (const text of ['', '{', '{}', JSON.stringify({ ...config('a'), version: 2 })]) {
      mkdirSync(registry.directory('a'), { recursive: true });
      writeFileSync(join(registry.directory('a'), 'workspace.json'), text);
      await assert.rejects(registry.read('a'), (error: CowspaceError) => {
        assert.equal(error.path, join(registry.directory('a'), 'workspace.json'));
        return error.code === 'io';
      });
    }
  });

  it('keeps the state of a daemon, and does without a damaged one', async () => {
    await registry.add(config('a'));
    const state = { pid: 7, socket: '/s', storedBytes: 9 };
    await writeState(registry.directory('a'), state);
    assert.deepEqual(await registry.readState('a'), state);
    writeFileSync(join(registry.directory('a'), 'daemon.json'), '{"pid":');
    assert.equal(await registry.readState('a'), null);
  });

  it('takes only names that are safe as file names', async () => {
    for (const name of ['a', 'A-b_c.d', '_x', 'größe', '日本', '7', 'x'.repeat(64)]) checkName(name);
    for (const name of ['', '.', '..', '.hidden', '-x', 'a/b', 'a b', 'a\n', 'a\0', 'x'.repeat(65)]) {
      assert.throws(() => checkName(name), CowspaceError, name);
      await rejectsWith('usage', registry.read(name));
    }
  });

  it('makes valid names of folders', () => {
    assert.deepEqual(
      ['/home/me/my project', '/srv/.config', '/x/--', '/', '/a/größe', `/a/${'x'.repeat(200)}`].map(nameFor),
      ['my-project', 'config', 'workspace', 'workspace', 'größe', 'x'.repeat(56)],
    );
  });
});
