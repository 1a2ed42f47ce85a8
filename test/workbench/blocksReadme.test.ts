import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { useSandbox } from '../support/sandbox';
import { BlockDiff } from './support/blockDiff';
import { useEditor } from './support/editor';
import { pictureFile } from './support/pictures';

const KILOBYTE = 2 ** 10;
const MEGABYTE = 2 ** 20;

/** What is in the picture: a part of a disk that a person can read. */
const settings = [
  '# Database server',
  'listen_addresses = 127.0.0.1',
  'port = 5432',
  'max_connections = 100',
  'shared_buffers = 128MB',
  'synchronous_commit = off',
  'log_statement = none',
  '',
].join('\n');
const settingsOffset = 0x1ac4a000;

describe('the picture of the block diff in the README', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);

  it('shows the changes of a disk image', async () => {
    const base = sandbox().directory('machine');
    const original = join(base, 'disk.img');
    writeFileSync(original, '');
    truncateSync(original, 1024 * MEGABYTE);
    write(original, settingsOffset, settings);
    const { mount } = await sandbox().cowspace.create([base]);
    const window = await editor().open(mount);
    await window.showContainer('Cowspace');

    const image = join(mount, 'disk.img');
    // As the file system of a virtual machine does: a little in each group of blocks, a journal, some large files.
    for (let group = 0; group < 8; group++)
      write(image, group * 128 * MEGABYTE + KILOBYTE, filler(4 * KILOBYTE));
    for (let record = 0; record < 40; record++) {
      write(image, 96 * MEGABYTE + record * 900 * KILOBYTE, filler(300 * KILOBYTE));
    }
    for (let file = 0; file < 24; file++) {
      write(image, (300 + ((file * 37) % 170)) * MEGABYTE, filler((1 + (file % 5) ** 3) * 16 * KILOBYTE));
    }
    write(image, 700 * MEGABYTE, filler(21 * MEGABYTE));
    const edited = settings
      .replace('5432', '6543')
      .replace('100', '250')
      .replace('128MB', '512MB')
      .replace('off', 'on ');
    write(image, settingsOffset, edited);

    await window.tree('Changes').row('disk.img').click();
    const diff = await BlockDiff.of(window, 'disk.img');
    await diff.untilSummary(/changed ranges, \d+ MB/);
    await diff.goToOffset(String(settingsOffset + settings.indexOf('5432')));
    await diff.untilPlace(/Base: \S+ '5' · Workspace: \S+ '6'/);
    await window.page.screenshot({ path: pictureFile(sandbox(), 'block-diff.png') });
  });
});

function write(path: string, offset: number, bytes: string | Buffer): void {
  const file = openSync(path, 'r+');
  const buffer = Buffer.from(bytes);
  for (let written = 0; written < buffer.length;) {
    written += writeSync(file, buffer, written, buffer.length - written, offset + written);
  }
  closeSync(file);
}

/** Bytes that are no zeros, the same ones each time. */
function filler(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => 1 + ((i * 167) % 255)));
}
