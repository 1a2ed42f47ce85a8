import { CowspaceError } from '../../protocol/errors';
import { methods } from '../../protocol/methods';
import { command, nameArgument, yesOption } from '../command';
import { changeLines } from '../changes';
import { type Context, print, withDaemon } from '../context';

export const remove = command({
  name: 'remove',
  summary: 'unmount a workspace and delete it with its scratch',
  details:
    'One with uncommitted changes is refused, or, at a terminal, asked about. The base is never touched.',
  arguments: { name: nameArgument },
  options: { force: { description: 'also when it has changes or programs use it' }, yes: yesOption },
  run: async (context, { name }, { force, yes }) => {
    try {
      await context.workspaces.remove(name, { force, withChanges: force || yes });
    } catch (error) {
      if (!isRefusal(error) || !context.terminal.interactive) throw error;
      await confirm(context, name, error);
      await context.workspaces.remove(name, { withChanges: true });
    }
    print(context, { name, removed: true }, () => `Removed ${name}.`);
    return 0;
  },
});

function isRefusal(error: unknown): error is CowspaceError {
  return error instanceof CowspaceError && error.code === 'not-empty';
}

async function confirm(context: Context, name: string, refusal: CowspaceError): Promise<void> {
  const list = await withDaemon(context, name, (client) => client.request(methods.changes, {})).catch(
    // Nobody can list the changes of a workspace that is not mounted.
    () => null,
  );
  context.terminal.note(list === null ? refusal.message : changeLines(list.changes, context.terminal));
  const question = `Delete ${name} with these changes, for good?`;
  if (!(await context.terminal.confirm(question)))
    throw new CowspaceError('cancelled', 'Nothing was removed.');
}
