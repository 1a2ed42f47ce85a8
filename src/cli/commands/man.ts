import { description, version } from '../../../package.json';
import { command, type Command } from '../command';
import { print } from '../context';
import { manualPage } from '../manualPage';

export function man(commands: () => readonly Command[]): Command {
  return command({
    name: 'man',
    summary: 'print the manual page, for `man -l -`',
    arguments: {},
    options: {},
    run: (context) => {
      const page = manualPage(commands(), { description, version });
      print(context, { page }, () => page);
      return Promise.resolve(0);
    },
  });
}
