import { join } from 'node:path';
import { makeFile, MIB, readWhole, writeRandomBlocks } from '../files';
import type { Scenario } from '../scenario';

const SIZE = 512 * MIB;
const CHANGED_BLOCKS = SIZE / 4096 / 100;

export const sequentialRead: Scenario = {
  title:
    'Sequential read of 512 MiB: a base file with 1% of its blocks changed, and a plain file of the mount',
  makeBase(directory) {
    makeFile(join(directory, 'changed'), SIZE);
    return Promise.resolve();
  },
  async run(bench) {
    const [changed, plain] = [join(bench.mount, 'changed'), join(bench.mount, 'plain')];
    writeRandomBlocks(changed, SIZE, CHANGED_BLOCKS);
    makeFile(plain, SIZE);
    await bench.makeCold();
    await bench.time('changed, cold', () => readWhole(changed));
    await bench.time('plain, cold', () => readWhole(plain));
    await bench.remount();
    await bench.time('changed, remounted with warm disk', () => readWhole(changed));
    await bench.time('plain, remounted with warm disk', () => readWhole(plain));
    await bench.time('changed, warm', () => readWhole(changed));
    await bench.time('plain, warm', () => readWhole(plain));
  },
};
