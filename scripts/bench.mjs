// npm run bench -- [--repetitions N] [--only TEXT] [--drivers]
// Measures cowspace beside other union file systems; docs/MEASUREMENTS.md has such a run.
import { runInteractive, runMain, ScriptError } from './command.mjs';
import { installDebianPackages } from './debian.mjs';
import { buildProject, installPackages, projectDirectory } from './project.mjs';

async function main() {
  if (process.getuid?.() !== 0)
    throw new ScriptError('Only root can mount all of what is compared and empty the page cache.');
  await installPackages();
  await installDebianPackages();
  await buildProject();
  const args = ['--import', 'tsx', 'bench/run.ts', ...process.argv.slice(2)];
  process.exitCode = await runInteractive(process.execPath, args, { cwd: projectDirectory });
}

await runMain(main);
