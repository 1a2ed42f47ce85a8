import { join } from 'node:path';
import { runChecked } from '../../test/support/command';
import type { Scenario } from '../scenario';

const TRANSACTIONS = 100;

/** Each changes a row that lies elsewhere, and is synced before the next begins. */
const transactions = Array.from(
  { length: TRANSACTIONS },
  (_, i) => `UPDATE t SET text = hex(randomblob(100)) WHERE id = ${1 + ((i * 7919) % 300)};`,
).join('\n');

export const database: Scenario = {
  title: 'A base database of 300 MB',
  async makeBase(directory) {
    await sqlite(
      join(directory, 'data.db'),
      `PRAGMA synchronous = OFF;
      CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT, bytes BLOB);
      WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
      INSERT INTO t SELECT i, hex(randomblob(100)), randomblob(1000000) FROM n;`,
    );
  },
  async run(bench) {
    const file = join(bench.mount, 'data.db');
    await bench.time('first transaction of sqlite', () =>
      sqlite(file, `UPDATE t SET text = '' WHERE id = 5;`),
    );
    await bench.time('100 further transactions', () => sqlite(file, transactions));
    await bench.measureScratch('scratch after them');
  },
};

async function sqlite(file: string, statements: string): Promise<void> {
  await runChecked('sqlite3', ['-batch', file], { input: statements });
}
