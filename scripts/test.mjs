// npm test -- [SUITE…]
// Runs all suites, or the named ones, and prints as its last line: N passed, N failed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideCodeServer } from './code-server.mjs';
import { runInteractive, runMain, ScriptError } from './command.mjs';
import { provideArchive } from './debian-archive.mjs';
import { installDebianPackages } from './debian.mjs';
import { installPackages, projectDirectory } from './project.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const suiteTimeoutMilliseconds = 900_000;
const resultsDirectory = mkdtempSync(join(tmpdir(), 'cow-results-'));

/** In the order in which they run: npm scripts that pass or fail as a whole, and mocha's suites in test/. */
const checks = ['package:this', 'check:types', 'check:lint', 'check:format', 'check:imports'];
const editorSuites = ['host', 'workbench'];
const suites = ['unit', 'packages', 'mount', 'conformance', ...editorSuites];

async function main() {
  const selected = process.argv.slice(2);
  const unknown = selected.filter((name) => !suites.includes(name));
  if (unknown.length > 0)
    throw new ScriptError(`No such suite: ${unknown.join(', ')}. Suites: ${suites.join(', ')}`);

  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    await installPackages();
    await installDebianPackages();
    const chosen = selected.length > 0 ? selected : suites;
    // Here, because a test has too little time for a download.
    if (chosen.some((name) => editorSuites.includes(name))) await provideCodeServer();
    if (chosen.includes('mount')) await provideArchive();
    // Every suite needs what `package:this` builds.
    for (const name of selected.length > 0 ? checks.slice(0, 1) : checks)
      add(total, await timed(name, runCheck));
    for (const name of chosen) add(total, await timed(name, runMocha));
  } catch (error) {
    console.error(error instanceof ScriptError ? error.message : error);
    total.failed += 1;
  } finally {
    rmSync(resultsDirectory, { recursive: true, force: true });
  }
  if (total.failed > 0) process.exitCode = 1;
  if (total.skipped > 0) console.log(`${total.skipped} skipped`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
}

/**
 * @param {Counts} total
 * @param {Counts} counts
 */
function add(total, counts) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

/**
 * @param {string} name
 * @param {(name: string) => Promise<Counts>} run
 */
async function timed(name, run) {
  console.log(`\n── ${name}`);
  const start = performance.now();
  const counts = await run(name);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`── ${name}: ${counts.failed === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  return counts;
}

/**
 * @param {string} script of package.json
 * @returns {Promise<Counts>}
 */
async function runCheck(script) {
  const code = await runInteractive('npm', ['run', '--silent', script], { cwd: projectDirectory });
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/**
 * @param {string} suite
 * @returns {Promise<Counts>}
 */
async function runMocha(suite) {
  const file = join(resultsDirectory, `${suite}.json`);
  const code = await runInteractive('npm', ['run', '--silent', `test:${suite}`], {
    cwd: projectDirectory,
    env: { ...process.env, COWSPACE_TEST_COUNTS: file },
    timeout: suiteTimeoutMilliseconds,
  });
  const counts = readCounts(file);
  // A suite that ends badly has failed, whatever it counted before.
  return { ...counts, failed: Math.max(counts.failed, code === 0 ? 0 : 1) };
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
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

await runMain(main);
