import { strict as assert } from 'node:assert';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkspaceInfo } from '../../src/protocol/messages';
import { useSandbox } from '../support/sandbox';

const BLOCK = 4096;
const SIZE = 8 << 20;

describe('a large file over a large file of another workspace', () => {
  const sandbox = useSandbox();
  /** What stays untouched below both workspaces. */
  let base: string;
  let lower: WorkspaceInfo;
  let upper: WorkspaceInfo;
  /** What the file holds, as each workspace shows it. */
  const lowerBytes = Buffer.alloc(SIZE);
  const upperBytes = Buffer.alloc(SIZE);

  beforeEach('stack a workspace on another, and write in both', async () => {
    const { cowspace } = sandbox();
    base = sandbox().directory('base');
    lowerBytes.fill('b');
    writeFileSync(join(base, 'big'), lowerBytes);
    lower = await cowspace.create([base], '--name', 'lower');
    for (let at = 0; at < SIZE; at += 100 * BLOCK) write(lower, lowerBytes, at, Buffer.alloc(5000, 'l'));
    upper = await cowspace.create([sandbox().directory('first'), lower.mount], '--name', 'upper');
    lowerBytes.copy(upperBytes);
    for (let at = 3 * BLOCK; at < SIZE; at += 70 * BLOCK)
      write(upper, upperBytes, at - 100, Buffer.alloc(5000, 'u'));
  });

  /** Writes into the workspace's file and into what it is expected to hold. */
  function write({ mount }: WorkspaceInfo, expected: Buffer, offset: number, bytes: Buffer): void {
    const fd = openSync(join(mount, 'big'), 'r+');
    writeSync(fd, bytes, 0, bytes.length, offset);
    closeSync(fd);
    bytes.copy(expected, offset);
  }

  function verify(): void {
    assert.ok(readFileSync(join(upper.mount, 'big')).equals(upperBytes), 'the upper workspace');
    assert.ok(readFileSync(join(lower.mount, 'big')).equals(lowerBytes), 'the lower workspace');
    assert.ok(readFileSync(join(base, 'big')).equals(Buffer.alloc(SIZE, 'b')), 'the base');
  }

  it('shows its own blocks, then those below, also after a crash of both daemons', async () => {
    const { cowspace } = sandbox();
    verify();
    for (const name of ['lower', 'upper']) {
      const { changes, totals } = await cowspace.status(name);
      assert.deepEqual(
        changes.map(({ kind, path }) => `${kind} ${path}`),
        ['changed big'],
      );
      assert.ok(totals.storedBytes < SIZE / 10, `${totals.storedBytes} bytes are stored`);
    }
    lower = await cowspace.mountAfterCrash(lower);
    upper = await cowspace.mountAfterCrash(upper);
    verify();
  });

  it('is committed into the workspace below, and from there to the base', async () => {
    const { cowspace } = sandbox();
    await cowspace.commit('upper');
    assert.deepEqual((await cowspace.status('upper')).changes, []);
    upperBytes.copy(lowerBytes);
    verify();
    assert.deepEqual(readdirSync(sandbox().path('first')), []);
    assert.ok((await cowspace.status('lower')).totals.storedBytes < SIZE / 10);
    await cowspace.json(['unmount', 'upper']);
    await cowspace.commit('lower');
    assert.deepEqual((await cowspace.status('lower')).changes, []);
    assert.ok(readFileSync(join(base, 'big')).equals(upperBytes));
  });
});
