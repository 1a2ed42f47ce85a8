import { cpus, release, totalmem } from 'node:os';
import { runChecked } from '../test/support/command';

/** A list in Markdown of what the figures depend on. @param directory where the files of the run lie */
export async function machineFacts(directory: string): Promise<string> {
  const [cpu] = cpus();
  const type = (await runChecked('stat', ['--file-system', '--format=%T', directory])).trim();
  return [
    `- ${cpus().length} × ${cpu?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `- Linux ${release()}; base and scratch on ${type}`,
  ].join('\n');
}
