import { strict as assert } from 'node:assert';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '../../../src/daemon/log';

describe('log', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cow-log-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('has a line for each event, and goes on where it was', () => {
    const file = join(directory, 'daemon.log');
    new Log(file).info('one');
    const log = new Log(file);
    log.warn('two\nlines');
    log.error('three');
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    const expected = new RegExp(`^${time} info  one\n${time} warn  two\n  lines\n${time} error three\n$`);
    assert.match(readFileSync(file, 'utf8'), expected);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('does not grow for ever', () => {
    const file = join(directory, 'daemon.log');
    const log = new Log(file);
    for (let i = 0; i < 400; i++) log.info('x'.repeat(10_000));
    assert.deepEqual(readdirSync(directory).sort(), ['daemon.log', 'daemon.log.1']);
    for (const name of readdirSync(directory)) assert(statSync(join(directory, name)).size < 1.1 * 2 ** 20);
  });

  it('is no reason to fail when it cannot be written', () => {
    new Log(join(directory, 'nowhere/daemon.log')).error('lost');
  });
});
