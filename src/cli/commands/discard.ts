import type { DaemonClient } from '../../protocol/client';
import { CowspaceError } from '../../protocol/errors';
import type { DiscardParams, DiscardResult } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { command, nameArgument, pathsArgument, yesOption } from '../command';
import { changeLines, countKinds, summary } from '../changes';
import { type Context, print, requestLong, withDaemon } from '../context';
import { pathsInMount } from '../paths';
import { deletions } from './commit';

export const discard = command({
  name: 'discard',
  summary: 'take changes back, so that the base shows again',
  arguments: { name: nameArgument, paths: pathsArgument },
  options: { dryRun: { description: 'only say what would be done' }, yes: yesOption },
  run: async (context, { name, paths }, { dryRun, yes }) => {
    const { mount } = await context.workspaces.registry.read(name);
    const selected = await pathsInMount(paths, mount);
    const params: DiscardParams = selected === undefined ? {} : { paths: selected };
    const result = await withDaemon(context, name, async (client) => {
      if (dryRun) return client.request(methods.discard, { ...params, dryRun });
      if (context.terminal.interactive && !yes) await confirm(context, client, params);
      return requestLong(context, client, methods.discard, params);
    });
    print(context, result, () => describe(context, name, result, dryRun));
    return 0;
  },
});

async function confirm(context: Context, client: DaemonClient, params: DiscardParams): Promise<void> {
  const { items } = await client.request(methods.discard, { ...params, dryRun: true });
  if (items.length === 0) return;
  const created = items.filter(({ kind }) => kind === 'created');
  context.terminal.note(deletions(created, 'These exist in the workspace only, and will be gone:'));
  const question = `Discard ${summary(countKinds(items))}?`;
  if (!(await context.terminal.confirm(question)))
    throw new CowspaceError('cancelled', 'Nothing was discarded.');
}

function describe({ terminal }: Context, name: string, { items }: DiscardResult, dryRun: boolean): string {
  const done = dryRun ? 'would be discarded' : 'discarded';
  if (items.length === 0) return `Nothing ${done}.`;
  const undo = dryRun ? '' : ` To get it back: cowspace undo ${name}`;
  return `${changeLines(items, terminal)}${summary(countKinds(items))} ${done}.${undo}`;
}
