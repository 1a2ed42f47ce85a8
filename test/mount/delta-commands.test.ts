import { strict as assert } from 'node:assert';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { WorkspaceInfo } from '../../src/protocol/messages';
import { useSandbox } from '../support/sandbox';

const BLOCK = 4096;
const MIB = 1 << 20;
const CHANGE = Buffer.from([0, 1, 2]);

describe('commands for large files', () => {
  const sandbox = useSandbox();

  /** Mounts workspace `a` over a base with one file, all of whose bytes are `r`. */
  async function makeWorkspace(name: string, size: number, ...options: string[]): Promise<WorkspaceInfo> {
    const base = sandbox().directory('base');
    writeFileSync(join(base, name), Buffer.alloc(size, 'r'));
    return sandbox().cowspace.create([base], '--name', 'a', ...options);
  }

  async function storedBytes(): Promise<number> {
    return (await sandbox().cowspace.status('a')).totals.storedBytes;
  }

  describe('of which 200 places were changed', () => {
    const places = Array.from({ length: 200 }, (_, i) => ({ offset: 10_000 + i * 40_000, length: 3 }));
    let file: string;

    beforeEach('change them', async () => {
      const { mount } = await makeWorkspace('file', 8 * MIB);
      file = join(mount, 'file');
      writeAt(file, CHANGE, ...places.map(({ offset }) => offset));
    });

    it('diff lists the changed ranges, exact to the byte', async () => {
      const { cowspace } = sandbox();
      const { files } = await cowspace.diff('a', 'file');
      const sizes = { size: 8 * MIB, baseSize: 8 * MIB };
      assert.deepEqual(files, [
        { path: 'file', kind: 'changed', note: 'too large', ...sizes, ranges: places },
      ]);
      const { stdout } = await cowspace.run(['diff', 'a', 'file']);
      const lines = places.map(({ offset, length }) => `${offset} ${length}\n`);
      assert.equal(stdout, `# changed file: too large\n${lines.join('')}`);
    });

    it('diff says where it was cut off', async () => {
      const { cowspace } = sandbox();
      truncateSync(file, 5 * MIB);
      const { stdout } = await cowspace.run(['diff', 'a', 'file']);
      assert.match(stdout, new RegExp(`\n# cut off at ${5 * MIB}, where the base had ${8 * MIB}\n$`));
    });

    it('diff --hex shows both sides of each', async () => {
      const { stdout } = await sandbox().cowspace.run(['diff', 'a', 'file', '--hex']);
      const line = /\|rrrrrrrrrrrrrrrr\| .* 00 01 02 .*\|\.\.\.rrrrrrrrrrrrr\|\n/g;
      assert.equal(stdout.match(line)?.length, places.length);
    });

    it('discard --range gives the base its place back, and leaves the others', async () => {
      const { cowspace } = sandbox();
      const before = readFileSync(file);
      assert.deepEqual(before.subarray(places[5]!.offset, places[5]!.offset + 3), CHANGE);
      const stored = await storedBytes();
      const two = places.slice(5, 7).flatMap(({ offset, length }) => ['--range', `${offset}:${length}`]);
      await cowspace.json(['discard', 'a', 'file', ...two]);
      assert.deepEqual(await changedRanges(), [...places.slice(0, 5), ...places.slice(7)]);
      for (const { offset } of places.slice(5, 7)) before.fill('r', offset, offset + 3);
      assert.ok(readFileSync(file).equals(before));
      assert.ok((await storedBytes()) < stored);
    });

    it('discard --range refuses what is no range of the file', async () => {
      const { cowspace } = sandbox();
      for (const range of [`${8 * MIB}:1`, '1:0', '-1:5', 'x:1', '5']) {
        const { code } = await cowspace.run(['discard', 'a', 'file', '--range', range]);
        assert.equal(code, 2, range);
      }
      assert.deepEqual(await changedRanges(), places);
    });

    async function changedRanges(): Promise<unknown> {
      const { files } = await sandbox().cowspace.diff('a', 'file');
      return (files[0] as unknown as { ranges: unknown }).ranges;
    }
  });

  it('name one that is damaged, mounted or not; all others can be used', async () => {
    const { cowspace } = sandbox();
    let { mount } = await makeWorkspace('victim', 2 * MIB);
    writeAt(join(mount, 'victim'), CHANGE, 12345);
    writeFileSync(join(mount, 'other'), 'unharmed');
    await cowspace.json(['unmount', 'a']);
    damageMap();

    const named = /fail {2}a: victim: its block map is damaged\n.*cowspace discard a victim/;
    const unmounted = await cowspace.run(['doctor']);
    assert.match(unmounted.stdout, named);
    assert.equal(unmounted.code, 1);
    ({ mount } = await cowspace.mount('a'));
    assert.match((await cowspace.run(['doctor'])).stdout, named);
    assert.throws(() => readFileSync(join(mount, 'victim')), { code: 'EIO' });
    assert.deepEqual(readdirSync(mount).sort(), ['other', 'victim']);
    assert.equal(readFileSync(join(mount, 'other'), 'utf8'), 'unharmed');
    const status = await cowspace.run(['status', 'a']);
    assert.match(status.stdout, /victim {2}\(its block map is damaged\)/);
    const diff = await cowspace.run(['diff', 'a', 'victim']);
    assert.match(diff.stdout, /# changed victim: its block map is damaged/);
    const logs = await cowspace.run(['logs', 'a']);
    assert.match(logs.stdout, /error .*victim gives EIO: its block map is damaged/);

    await cowspace.discard('a', 'victim');
    assert.ok(readFileSync(join(mount, 'victim')).equals(Buffer.alloc(2 * MIB, 'r')));
    assert.doesNotMatch((await cowspace.run(['doctor'])).stdout, /fail/);
  });

  /** Flips bits in the only block map of the workspace. */
  function damageMap(): void {
    const folder = sandbox().path('home/workspaces/a/scratch/delta');
    const [name] = readdirSync(folder);
    const bytes = readFileSync(join(folder, name!));
    bytes[3 * BLOCK + 20]! ^= 0xff;
    writeFileSync(join(folder, name!), bytes);
  }

  for (const [threshold, least] of Object.entries({ off: 3 * MIB, '4M': 3 * MIB, '2M': 0 })) {
    it(`keep to --delta-threshold ${threshold}`, async () => {
      const { mount } = await makeWorkspace('file', 3 * MIB, '--delta-threshold', threshold);
      writeAt(join(mount, 'file'), CHANGE, 0);
      const stored = await storedBytes();
      assert.ok(least === 0 ? stored <= BLOCK : stored >= least, `${stored} bytes are stored`);
    });
  }
});

/** Writes the same bytes at each of the offsets of a file. */
function writeAt(file: string, bytes: Buffer, ...offsets: number[]): void {
  const fd = openSync(file, 'r+');
  for (const offset of offsets) writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}
