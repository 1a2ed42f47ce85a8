// npm run conformance -- [--target NAME]… [--grep TEXT]
// Prints for each area and target how many tests passed and failed, and then which failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectDirectory } from '../support/users';
import type { Outcome } from './outcomes';
import { parseTarget, targetNames, type TargetName } from './targets';

const TIMEOUT_MILLISECONDS = 600_000;
/** Mocha's own, relative to the project. */
const MOCHA = ['node_modules/mocha/bin/mocha.js', '--config', '.mocharc.json'];
const AREAS = 'test/conformance/areas';

function main(): void {
  const { values } = parseArgs({
    options: { target: { type: 'string', multiple: true }, grep: { type: 'string', default: '' } },
  });
  const selected = values.target?.map(parseTarget) ?? targetNames;
  const results = new Map(selected.map((target) => [target, testTarget(target, values.grep)]));
  console.log(`\n${table(results)}\n\n${failures(results)}`);
}

function testTarget(target: TargetName, grep: string): Outcome[] {
  process.stderr.write(`${target}…\n`);
  return readdirSync(join(projectDirectory, AREAS)).flatMap((area) => testArea(target, area, grep));
}

/** In a process of its own: each area takes its own mount, and what brings down one file system does so once. */
function testArea(target: TargetName, area: string, grep: string): Outcome[] {
  const directory = mkdtempSync(join(tmpdir(), 'cow-conformance-'));
  const file = join(directory, 'outcomes.json');
  try {
    const { status, stdout } = spawnSync(process.execPath, [...MOCHA, '--grep', grep, join(AREAS, area)], {
      cwd: projectDirectory,
      env: {
        ...process.env,
        COWSPACE_CONFORMANCE_TARGET: target,
        COWSPACE_CONFORMANCE_OUTCOMES: file,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      timeout: TIMEOUT_MILLISECONDS,
      killSignal: 'SIGKILL',
    });
    // None of the area's tests is wanted.
    if (status === 0 && !existsSync(file)) return [];
    const outcomes = JSON.parse(readFileSync(file, 'utf8')) as Outcome[];
    // What the tests say is in their outcomes; that they could not even begin is not.
    if (outcomes.length === 0) throw new Error(stdout);
    return outcomes;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** In Markdown: a row for each area, a column for each target. */
function table(results: ReadonlyMap<TargetName, readonly Outcome[]>): string {
  const areas = [...new Set([...results.values()].flat().map(({ area }) => area))];
  const row = (title: string, matches: (outcome: Outcome) => boolean): string => {
    const cells = [...results.values()].map((outcomes) => cell(outcomes.filter(matches)));
    return `| ${[title, ...cells].join(' | ')} |`;
  };
  return [
    `| passed, **failed** | ${[...results.keys()].join(' | ')} |`,
    `| --- |${' ---: |'.repeat(results.size)}`,
    ...areas.map((area) => row(area, (outcome) => outcome.area === area)),
    row('**all**', () => true),
  ].join('\n');
}

function cell(outcomes: readonly Outcome[]): string {
  const count = (outcome: Outcome['outcome']): number =>
    outcomes.filter((each) => each.outcome === outcome).length;
  const failed = count('failed');
  return failed === 0 ? `${count('passed')}` : `${count('passed')}, **${failed}**`;
}

function failures(results: ReadonlyMap<TargetName, readonly Outcome[]>): string {
  return [...results]
    .flatMap(([target, outcomes]) =>
      outcomes.filter(({ outcome }) => outcome === 'failed').map(({ name }) => `${target}: ${name}`),
    )
    .join('\n');
}

main();
