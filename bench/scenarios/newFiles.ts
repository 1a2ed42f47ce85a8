import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { runChecked } from '../../test/support/command';
import { BLOCK, MIB, withFile } from '../files';
import type { Scenario } from '../scenario';

export const newFiles: Scenario = {
  title: 'New files',
  makeBase: () => Promise.resolve(),
  async run(bench) {
    await bench.time('200 MB in appends of 4 KiB', () => {
      const block = Buffer.alloc(BLOCK, 'new');
      withFile(join(bench.mount, 'log'), 'a', (fd) => {
        for (let at = 0; at < 200 * MIB; at += BLOCK) writeSync(fd, block);
      });
    });
    await bench.time('5,000 small files in 500 directories, as npm installs them', () => {
      for (let d = 0; d < 500; d++) {
        const directory = join(bench.mount, 'node_modules', `package${d}`, 'lib');
        mkdirSync(directory, { recursive: true });
        for (let f = 0; f < 10; f++)
          writeFileSync(join(directory, `file${f}.js`), `module.exports = ${f};\n`.repeat(100));
      }
    });
    await bench.time('rm -rf of them', () => runChecked('rm', ['-rf', join(bench.mount, 'node_modules')]));
  },
};
