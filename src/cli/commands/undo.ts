import { methods } from '../../protocol/methods';
import { command, nameArgument } from '../command';
import { changeLines, countKinds, summary } from '../changes';
import { print, withDaemon } from '../context';

export const undo = command({
  name: 'undo',
  summary: 'bring back what the last discard took',
  arguments: { name: nameArgument },
  options: { id: { value: 'id', description: 'undo this discard, by the undoId of its JSON output' } },
  run: async (context, { name }, { id }) => {
    const result = await withDaemon(context, name, (client) =>
      client.request(methods.undoDiscard, id === undefined ? {} : { undoId: id }),
    );
    const { items } = result;
    print(
      context,
      result,
      () => `${changeLines(items, context.terminal)}${summary(countKinds(items))} brought back.`,
    );
    return 0;
  },
});
