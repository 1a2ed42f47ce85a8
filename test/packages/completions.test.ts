import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isOnPath } from '../../scripts/command.mjs';
import { runChecked } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { projectDirectory } from '../support/users';

const tab = '\t';
const startOfLine = '\x01';

describe('completions', () => {
  const sandbox = useSandbox('suite');
  let environment: NodeJS.ProcessEnv;
  let folder: string;

  before('put the program on the PATH, and make workspaces', async () => {
    const programs = sandbox().directory('bin');
    symlinkSync(join(projectDirectory, 'dist/cli.js'), join(programs, 'cowspace'));
    folder = sandbox().directory('work');
    mkdirSync(join(folder, 'base/src'), { recursive: true });
    writeFileSync(join(folder, 'base/src/file.txt'), '');
    await sandbox().cowspace.create([join(folder, 'base')], '--name', 'first');
    const path = `${programs}${delimiter}${process.env['PATH'] ?? ''}`;
    environment = { ...sandbox().cowspace.environment, PATH: path, TERM: 'dumb' };
  });

  const lines = [
    { shown: 'a command', typed: `cowspace sta${tab}`, completed: 'cowspace status' },
    { shown: 'a workspace', typed: `cowspace commit f${tab}`, completed: 'cowspace commit first' },
    { shown: 'a folder', typed: `cowspace open ba${tab}`, completed: 'cowspace open base' },
    {
      shown: 'a file',
      typed: `cowspace diff first base/src/f${tab}`,
      completed: 'cowspace diff first base/src/file.txt',
    },
    { shown: 'an option', typed: `cowspace create --dr${tab}`, completed: 'cowspace create --driver' },
    {
      shown: "an option's value",
      typed: `cowspace create --driver k${tab}`,
      completed: 'cowspace create --driver kernel',
    },
    {
      shown: 'a program to run',
      typed: `cowspace run base -- sha256su${tab}`,
      completed: 'cowspace run base -- sha256sum',
    },
  ];

  for (const { shown, typed, completed } of lines) {
    it(`complete ${shown} in bash`, async () => {
      const rcfile = sandbox().path('bashrc');
      writeFileSync(rcfile, 'source <(cowspace completions bash)\n');
      const output = await inTerminal(`bash --rcfile ${rcfile} -i`, `${typed}${startOfLine}echo is: \n`);
      assert.match(output, new RegExp(`^is: ${completed}`, 'm'));
    });

    it(`complete ${shown} in zsh`, async function () {
      if (!isOnPath('zsh')) this.skip();
      writeFileSync(
        sandbox().path('.zshrc'),
        'bindkey -e; autoload -U compinit; compinit -u -D; source <(cowspace completions zsh)\n',
      );
      const output = await inTerminal('zsh -i', `${typed}${startOfLine}echo is: \n`);
      assert.match(output, new RegExp(`^is: ${completed}`, 'm'));
    });

    it(`complete ${shown} in fish`, async function () {
      if (!isOnPath('fish')) this.skip();
      const words = typed.trimEnd();
      const script = 'cowspace completions fish | source; complete -C "$argv[1]"';
      const output = await runChecked('fish', ['--no-config', '-c', script, words], {
        cwd: folder,
        env: environment,
      });
      const last = completed.split(' ').at(-1)!;
      assert.ok(
        output.split('\n').some((line) => line.split('\t')[0]!.replace(/\/$/, '') === last),
        output,
      );
    });
  }

  /** Types something into a program at a terminal, and returns all that it shows. */
  function inTerminal(command: string, typed: string): Promise<string> {
    return runChecked('script', ['--quiet', '--command', command, '/dev/null'], {
      cwd: folder,
      env: { ...environment, ZDOTDIR: sandbox().root },
      input: typed,
      timeout: 20_000,
    });
  }
});
