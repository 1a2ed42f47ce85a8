import { strict as assert } from 'node:assert';
import { closeSync, fsyncSync, openSync, readFileSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { mountImage } from '../support/images';
import { useSandbox } from '../support/sandbox';

const MIB = 1 << 20;
const SIZE = 80 * MIB;
/** What is written at once; as much beside it stays the base's. */
const WRITE = 128 << 10;

describe('a large file on a full disk', function () {
  this.timeout(60_000);
  const sandbox = useSandbox();

  it('keeps what it has, and goes on when there is room', async function () {
    const scratch = join(await mountImage(this, sandbox(), 'ext4', 32 * MIB), 'scratch');
    const base = sandbox().directory('base');
    const expected = Buffer.alloc(SIZE, 'b');
    writeFileSync(join(base, 'big'), expected);
    const { cowspace } = sandbox();
    let info = await cowspace.create([base], '--name', 'full', '--scratch', scratch);
    writeFileSync(join(info.mount, 'ballast'), Buffer.alloc(8 * MIB));

    const fill = (byte: number): number => writeUntilFull(join(info.mount, 'big'), expected, byte);
    const failedAt = fill(1);
    assert.ok(failedAt > 4 * MIB && failedAt < 64 * MIB, `full at ${failedAt}`);
    verify(info.mount, expected, failedAt);
    await cowspace.json(['unmount', 'full']);
    info = await cowspace.mount('full');
    verify(info.mount, expected, failedAt);

    unlinkSync(join(info.mount, 'ballast'));
    const nextFailedAt = fill(2);
    assert.ok(nextFailedAt > failedAt + 4 * MIB, `full again at ${nextFailedAt}`);
    info = await cowspace.mountAfterCrash(info);
    verify(info.mount, expected, nextFailedAt);
    assert.doesNotMatch((await cowspace.run(['doctor'])).stdout, /fail/);
    // Taking all of it back needs no room.
    await cowspace.json(['discard', 'full', 'big', '--range', `0:${SIZE}`]);
    assert.ok(readFileSync(join(info.mount, 'big')).equals(Buffer.alloc(SIZE, 'b')));
    assert.deepEqual((await cowspace.status('full')).changes, []);
    assert.ok(fill(3) > 4 * MIB);
  });

  /** Writes and syncs blocks, each next to one that stays, until there is no room. Returns where. */
  function writeUntilFull(file: string, expected: Buffer, byte: number): number {
    const fd = openSync(file, 'r+');
    try {
      for (let at = 0; at < expected.length; at += 2 * WRITE) {
        const bytes = Buffer.alloc(WRITE, byte);
        try {
          writeSync(fd, bytes, 0, bytes.length, at);
          fsyncSync(fd);
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
          return at;
        }
        bytes.copy(expected, at);
      }
    } finally {
      closeSync(fd);
    }
    return expected.length;
  }

  /** All but the write that failed, of which any blocks may be there. */
  function verify(mount: string, expected: Buffer, failedAt: number): void {
    const found = readFileSync(join(mount, 'big'));
    found.copy(expected, failedAt, failedAt, failedAt + WRITE);
    assert.ok(found.equals(expected));
  }
});
