import type { WorkspaceInfo } from '../../protocol/messages';
import { command } from '../command';
import { print } from '../context';
import type { Terminal } from '../terminal';
import { path, size, table } from '../text';

export const list = command({
  name: 'list',
  summary: 'list the workspaces',
  arguments: {},
  options: {},
  run: async (context) => {
    const infos = await context.workspaces.list();
    print(context, infos, () => describe(infos, context.terminal));
    return 0;
  },
});

function describe(infos: readonly WorkspaceInfo[], terminal: Terminal): string {
  if (infos.length === 0) return 'There are no workspaces. Make one: cowspace create FOLDER';
  const rows = infos.map((info) => [
    info.name,
    state(info),
    size(info.storedBytes),
    info.driver === 'editor' ? '-' : path(info.mount),
    info.bases.map(path).join(' '),
  ]);
  return table(
    [
      { heading: 'NAME', style: (text) => terminal.style('bold', text) },
      { heading: 'STATE', style: (text, row) => terminal.style(infos[row]!.mounted ? 'green' : 'dim', text) },
      { heading: 'STORED', align: 'right' },
      { heading: 'MOUNT' },
      { heading: 'BASES' },
    ],
    rows,
  );
}

function state({ mounted, driver }: WorkspaceInfo): string {
  if (!mounted) return 'unmounted';
  return driver === 'editor' ? 'editor only' : 'mounted';
}
