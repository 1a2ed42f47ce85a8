import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../command';
import { print } from '../context';

export const completions = command({
  name: 'completions',
  summary: 'print what makes a shell complete command lines of cowspace',
  details:
    'For bash, put `source <(cowspace completions bash)` into ~/.bashrc; for zsh, `source <(cowspace completions zsh)` ' +
    'into ~/.zshrc, after compinit; for fish, `cowspace completions fish | source` into ~/.config/fish/config.fish.',
  arguments: { shell: { description: 'the shell', count: 'one', choices: ['bash', 'zsh', 'fish'] } },
  options: {},
  run: async (context, { shell }) => {
    // The build puts the scripts beside the program.
    const script = await readFile(join(__dirname, 'completions', `cowspace.${shell}`), 'utf8');
    print(context, { script }, () => script);
    return 0;
  },
});
