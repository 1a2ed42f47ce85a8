import type { DaemonClient } from '../../protocol/client';
import { CowspaceError } from '../../protocol/errors';
import type { ByteRange, DiscardParams, DiscardResult } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { parseRange } from '../byteRanges';
import { command, nameArgument, pathsArgument, yesOption } from '../command';
import { changeLines, countKinds, summary } from '../changes';
import { type Context, print, requestLong, withDaemon } from '../context';
import { pathsInMount } from '../paths';
import { count, path } from '../text';
import { deletions } from './commit';

export const discard = command({
  name: 'discard',
  summary: 'take changes back, so that the base shows again',
  arguments: { name: nameArgument, paths: pathsArgument },
  options: {
    range: {
      value: 'offset:length',
      description: 'only these bytes of the one file that is named, which cannot be undone; may be repeated',
      repeatable: true,
    },
    dryRun: { description: 'only say what would be done' },
    yes: yesOption,
  },
  run: async (context, { name, paths }, { range, dryRun, yes }) => {
    const { mount } = await context.workspaces.registry.read(name);
    const selected = await pathsInMount(paths, mount);
    if (range.length > 0) {
      await discardRanges(context, name, selected ?? [], range.map(parseRange), { dryRun, yes });
      return 0;
    }
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

async function discardRanges(
  context: Context,
  name: string,
  paths: readonly string[],
  ranges: readonly ByteRange[],
  { dryRun, yes }: { dryRun: boolean; yes: boolean },
): Promise<void> {
  const [file, ...others] = paths;
  if (file === undefined || others.length > 0)
    throw new CowspaceError('usage', '--range takes the name of one file.');
  const what = `${count(ranges.length, 'range')} of ${path(file)}`;
  await withDaemon(context, name, async (client) => {
    if (!dryRun && context.terminal.interactive && !yes) {
      const agreed = await context.terminal.confirm(`Discard ${what}, which cannot be undone?`);
      if (!agreed) throw new CowspaceError('cancelled', 'Nothing was discarded.');
    }
    for (const range of dryRun ? [] : ranges)
      await client.request(methods.discardRange, { path: file, range });
  });
  print(context, { path: file, ranges }, () => `${what} ${dryRun ? 'would be ' : ''}discarded.`);
}

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
