import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import CountingReporter from '../../../scripts/mocha-reporter.mjs';
import { reportMarker } from './contract';

/** VS Code calls this in its extension host, and takes a rejection for failure. */
export async function run(): Promise<void> {
  Mocha.reporters.Base.consoleLog = (...args: unknown[]) => console.log(reportMarker, format(...args));
  const mocha = new Mocha({ timeout: 60_000, color: false, reporter: CountingReporter });
  for (const name of readdirSync(__dirname).filter((file) => file.endsWith('.test.js'))) {
    mocha.addFile(join(__dirname, name));
  }
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
