import { runChecked } from './command';
import { projectDirectory } from './users';

/**
 * Makes a real git repository with history: a clone of this project's own, clean, with an identity to commit as.
 * @param directory is made
 */
export async function makeRepository(directory: string): Promise<void> {
  await runChecked('git', ['clone', '--quiet', '--no-local', projectDirectory, directory]);
  await runChecked('git', ['-C', directory, 'config', 'user.name', 'Test']);
  await runChecked('git', ['-C', directory, 'config', 'user.email', 'test@example.org']);
}
