// npm run conformance -- [--target ext4|overlayfs|fuse-overlayfs|cowspace]… [--grep TEXT]
// Compares file systems by the tests in test/conformance; docs/CONFORMANCE.md has such a run.
import { runInteractive, runMain, ScriptError } from './command.mjs';
import { installDebianPackages } from './debian.mjs';
import { buildProject, installPackages, projectDirectory } from './project.mjs';

async function main() {
  if (process.getuid?.() !== 0)
    throw new ScriptError('Only root can mount all of what is compared and act for other users.');
  await installPackages();
  await installDebianPackages();
  await buildProject();
  const args = ['--import', 'tsx', 'test/conformance/run.ts', ...process.argv.slice(2)];
  process.exitCode = await runInteractive(process.execPath, args, { cwd: projectDirectory });
}

await runMain(main);
