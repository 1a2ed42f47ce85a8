import { readFile } from 'node:fs/promises';
import { failedWith } from '../../protocol/errors';
import { command, nameArgument } from '../command';
import { print } from '../context';

export const logs = command({
  name: 'logs',
  summary: "print the log of a workspace's daemon",
  arguments: { name: nameArgument },
  options: {},
  run: async (context, { name }) => {
    await context.workspaces.registry.read(name);
    const file = context.workspaces.registry.logFile(name);
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (failedWith(error, 'ENOENT')) return '';
      throw error;
    });
    print(context, { file, lines: text.split('\n').slice(0, -1) }, () => text);
    return 0;
  },
});
