import { runChecked } from './command';
import { projectDirectory } from './users';

/**
 * Makes a real git repository with history: a clone of this project's own, clean, with an identity to commit as.
 * @param directory is made
 */
export async function makeRepository(directory: string): Promise<void> {
  const git = (...args: string[]): Promise<string> => runChecked('git', ['-C', directory, ...args]);
  await runChecked('git', ['clone', '--quiet', '--no-local', projectDirectory, directory]);
  await git('checkout', '--quiet', '-B', 'main');
  await git('config', 'user.name', 'Test');
  await git('config', 'user.email', 'test@example.org');
  // VS Code writes this into a repository that it sees for the first time, which would be one more change.
  await git('config', 'branch.main.vscode-merge-base', 'origin/main');
}
