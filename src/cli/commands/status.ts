import { methods } from '../../protocol/methods';
import { command, nameArgument } from '../command';
import { changeLines, summary } from '../changes';
import { print, withDaemon } from '../context';
import { size } from '../text';

export const status = command({
  name: 'status',
  summary: 'list what differs from the base',
  arguments: { name: nameArgument },
  options: {},
  run: async (context, { name }) => {
    const { changes, totals } = await withDaemon(context, name, (client) =>
      client.request(methods.changes, {}),
    );
    print(context, { changes, totals }, () => {
      const stored = changes.length === 0 ? '' : `; ${size(totals.storedBytes)} stored`;
      return `${changeLines(changes, context.terminal)}${summary(totals)}${stored}`;
    });
    return 0;
  },
});
