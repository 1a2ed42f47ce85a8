import type { DaemonClient } from '../../protocol/client';
import { CowspaceError } from '../../protocol/errors';
import type { CommitParams, CommitResult, PlanItem } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { command, nameArgument, pathsArgument, yesOption } from '../command';
import { changeLines, countKinds, summary } from '../changes';
import { type Context, print, requestLong, withDaemon } from '../context';
import { pathsInMount } from '../paths';
import { count, path } from '../text';

export const commit = command({
  name: 'commit',
  summary: 'write changes back to the base',
  details:
    'When a file of the base was changed by others since, nothing is committed, and the file is named.',
  arguments: { name: nameArgument, paths: pathsArgument },
  options: {
    dryRun: { description: 'only say what would be done' },
    skipConflicts: { description: 'leave out what others changed in the base, commit the rest' },
    yes: yesOption,
  },
  run: async (context, { name, paths }, { dryRun, skipConflicts, yes }) => {
    const { bases, mount } = await context.workspaces.registry.read(name);
    const selected = await pathsInMount(paths, mount);
    const params: CommitParams = { skipConflicts, ...(selected !== undefined && { paths: selected }) };
    const result = await withDaemon(context, name, async (client) => {
      if (dryRun) return client.request(methods.commit, { ...params, dryRun });
      if (context.terminal.interactive && !yes) await confirm(context, client, params, bases);
      return requestLong(context, client, methods.commit, params);
    });
    print(context, result, () => describe(context, result, dryRun));
    return 0;
  },
});

async function confirm(
  context: Context,
  client: DaemonClient,
  params: CommitParams,
  bases: string[],
): Promise<void> {
  const { items, conflicts } = await client.request(methods.commit, { ...params, dryRun: true });
  // Nothing will be committed then, and the refusal names the conflicts.
  if (items.length === 0 || (conflicts.length > 0 && params.skipConflicts !== true)) return;
  const deleted = items.filter(({ kind }) => kind === 'whiteout');
  context.terminal.note(deletions(deleted, `From ${bases.join(', ')} will be deleted:`));
  const question = `Commit ${summary(countKinds(items))}?`;
  if (!(await context.terminal.confirm(question)))
    throw new CowspaceError('cancelled', 'Nothing was committed.');
}

/** All that a question is about to delete, under a heading. */
export function deletions(items: readonly PlanItem[], heading: string): string {
  const lines = items.map(
    (item) => `\n  ${path(item.path)}${item.type === 'directory' ? '/ and all that is in it' : ''}`,
  );
  return lines.length === 0 ? '' : `${heading}${lines.join('')}`;
}

function describe({ terminal }: Context, { items, conflicts }: CommitResult, dryRun: boolean): string {
  const left = conflicts.map((conflict) => `conflict  ${path(conflict.path)}: ${conflict.reason}\n`);
  const done = dryRun ? 'would be committed' : 'committed';
  const end = items.length === 0 ? `Nothing ${done}.` : `${summary(countKinds(items))} ${done}.`;
  const skipped = left.length === 0 ? '' : ` ${count(left.length, 'conflict')} left out.`;
  return changeLines(items, terminal) + terminal.style('red', left.join('')) + end + skipped;
}
