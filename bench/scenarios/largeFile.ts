import { fsyncSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK, makeFile, MIB, withFile, writeRandomBlocks } from '../files';
import type { Scenario } from '../scenario';

const SIZE = 2048 * MIB;
/** Of another file, written first: a daemon that just started is slower once. */
const OTHER_SIZE = 2 * MIB;

export const largeFile: Scenario = {
  title: 'Writes into a base file of 2 GiB',
  makeBase(directory) {
    makeFile(join(directory, 'big'), SIZE);
    makeFile(join(directory, 'other'), OTHER_SIZE);
    return Promise.resolve();
  },
  async run(bench) {
    const file = join(bench.mount, 'big');
    await bench.time('first write of 4 KiB in a new mount, into 2 MiB', () => {
      writeBlock(join(bench.mount, 'other'), OTHER_SIZE / 2);
    });
    await bench.time('first write of 4 KiB into 2 GiB', () => {
      writeBlock(file, SIZE / 2);
    });
    await bench.measureScratch('scratch after it');
    await bench.time('1,000 random writes of 4 KiB', () => {
      writeRandomBlocks(file, SIZE, 1000);
    });
    await bench.time('fsync after them', () => {
      withFile(file, 'r+', fsyncSync);
    });
    await bench.measureScratch('scratch after them (3.9 MiB written)');
  },
};

function writeBlock(path: string, offset: number): void {
  withFile(path, 'r+', (fd) => writeSync(fd, Buffer.alloc(BLOCK, 'new'), 0, BLOCK, offset));
}
