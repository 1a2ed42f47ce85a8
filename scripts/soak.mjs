// npm run soak -- [--seconds N] [--seed N]
// Has eight processes work in a workspace that is committed, discarded, remounted and killed, beside a plain directory.
// The seed is printed; the same seed gives the same operations. `npm test` does so for a fixed number of rounds, with a
// fixed seed.
import { parseArgs } from 'node:util';
import { runInteractive, runMain, ScriptError } from './command.mjs';
import { installDebianPackages } from './debian.mjs';
import { buildProject, installPackages, projectDirectory } from './project.mjs';

const DEFAULT_SECONDS = '600';

async function main() {
  const { seconds, seed } = readArguments();
  await installPackages();
  await installDebianPackages();
  await buildProject();
  console.log(`${seconds} s, seed ${seed}`);
  const env = { ...process.env, COWSPACE_SOAK_SECONDS: seconds, COWSPACE_SOAK_SEED: seed };
  process.exitCode = await runInteractive('npm', ['run', '--silent', 'test:soak'], {
    cwd: projectDirectory,
    env,
  });
}

function readArguments() {
  const { values } = parse();
  const { seconds = DEFAULT_SECONDS, seed = String(Date.now() % 2 ** 31) } = values;
  for (const value of [seconds, seed]) {
    if (!/^\d+$/.test(value)) throw new ScriptError(`${value} is no whole number.`);
  }
  return { seconds, seed };
}

function parse() {
  try {
    return parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
  } catch (error) {
    throw new ScriptError(/** @type {Error} */ (error).message);
  }
}

await runMain(main);
