// npm test -- [SUITE…]
// Runs all suites, or the named ones, and prints at its end what failed and, as its last line: N passed, N failed.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideCodeServer } from './code-server.mjs';
import { runInteractive, runMain, ScriptError } from './command.mjs';
import { provideArchive } from './debian-archive.mjs';
import { installDebianPackages } from './debian.mjs';
import { installPackages, projectDirectory } from './project.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number, broken: string[] }} Counts What is broken is named. */

/** For one that hangs: a busy machine may well take twice as long as an idle one. */
const suiteTimeoutMilliseconds = 1_500_000;
const resultsDirectory = mkdtempSync(join(tmpdir(), 'cow-results-'));

/** Npm scripts that pass or fail as a whole. Every suite needs what the build makes. */
const build = 'package:this';
const checks = ['check:types', 'check:lint', 'check:format', 'check:imports'];
/** Mocha's suites in test/. Those in lanes begin in this order: the longest first, so that all lanes end soon after. */
const suites = ['packages', 'mount', 'workbench', 'unit', 'conformance', 'soak', 'host'];
const editorSuites = ['workbench', 'host'];
/** These make dist/: nothing may run beside them. */
const alone = [build, 'packages'];
/** How many of the others run beside each other. One takes hardly more than one core: programs and daemons take turns. */
const lanes = 2;

async function main() {
  const selected = process.argv.slice(2);
  const unknown = selected.filter((name) => !suites.includes(name));
  if (unknown.length > 0)
    throw new ScriptError(`No such suite: ${unknown.join(', ')}. Suites: ${suites.join(', ')}`);

  const chosen = selected.length > 0 ? [build, ...selected] : [build, ...checks, ...suites];
  /** @type {Counts} */
  const total = { passed: 0, failed: 0, skipped: 0, broken: [] };
  try {
    await installPackages();
    await installDebianPackages();
    // Here, because a test has too little time for a download.
    if (chosen.some((name) => editorSuites.includes(name))) await provideCodeServer();
    if (chosen.includes('mount')) await provideArchive();
    for (const name of alone.filter((each) => chosen.includes(each))) add(total, await timed(name));
    await runInLanes(
      [...checks, ...suites].filter((name) => chosen.includes(name) && !alone.includes(name)),
      total,
    );
  } catch (error) {
    console.error(error instanceof ScriptError ? error.message : error);
    total.failed += 1;
  } finally {
    rmSync(resultsDirectory, { recursive: true, force: true });
  }
  if (total.failed > 0) process.exitCode = 1;
  for (const what of total.broken) console.log(`FAILED ${what}`);
  if (total.skipped > 0) console.log(`${total.skipped} skipped`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
}

/**
 * @param {string[]} names
 * @param {Counts} total
 */
async function runInLanes(names, total) {
  const queue = [...names];
  const lane = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift())
      add(total, await timed(name, names.length > 1));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/**
 * @param {Counts} total
 * @param {Counts} counts
 */
function add(total, counts) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  total.broken.push(...counts.broken);
}

/**
 * Runs a check or a suite.
 * @param {string} name
 * @param {boolean} [whole] whether to print all that it prints at its end, as others run meanwhile
 */
async function timed(name, whole = false) {
  console.log(`\n── ${name}${whole ? ' begins' : ''}`);
  const start = performance.now();
  const counts = whole ? await printedWhole(name) : await run(name, 'inherit');
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`── ${name}: ${counts.failed === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  return counts;
}

/** @param {string} name */
async function printedWhole(name) {
  const file = join(resultsDirectory, `${name}.log`);
  const output = openSync(file, 'w');
  const counts = await run(name, ['ignore', output, output]);
  closeSync(output);
  console.log(`\n── ${name}\n${readFileSync(file, 'utf8')}`);
  return counts;
}

/**
 * @param {string} name
 * @param {import('node:child_process').StdioOptions} stdio
 * @returns {Promise<Counts>}
 */
async function run(name, stdio) {
  return suites.includes(name) ? runMocha(name, stdio) : runCheck(name, stdio);
}

/**
 * @param {string} script of package.json
 * @param {import('node:child_process').StdioOptions} stdio
 * @returns {Promise<Counts>}
 */
async function runCheck(script, stdio) {
  const code = await runInteractive('npm', ['run', '--silent', script], { cwd: projectDirectory, stdio });
  if (code === 0) return { passed: 1, failed: 0, skipped: 0, broken: [] };
  return { passed: 0, failed: 1, skipped: 0, broken: [script] };
}

/**
 * @param {string} suite
 * @param {import('node:child_process').StdioOptions} stdio
 * @returns {Promise<Counts>}
 */
async function runMocha(suite, stdio) {
  const file = join(resultsDirectory, `${suite}.json`);
  const code = await runInteractive('npm', ['run', '--silent', `test:${suite}`], {
    cwd: projectDirectory,
    env: { ...process.env, COWSPACE_TEST_COUNTS: file },
    stdio,
    timeout: suiteTimeoutMilliseconds,
  });
  const { broken, ...counts } = readCounts(file);
  if (code === 0 || counts.failed > 0)
    return { ...counts, broken: broken.map((test) => `${suite}: ${test}`) };
  // A suite that ends badly has failed, whatever it counted before.
  return { ...counts, failed: 1, broken: [`${suite}: ended with ${code}`] };
}

/**
 * @param {string} file
 * @returns {Counts} of a suite that died without writing the file: none
 */
function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
    return { passed: 0, failed: 1, skipped: 0, broken: ['it ended without results'] };
  }
}

await runMain(main);
