import type { FileDiff } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { command, nameArgument, pathsArgument } from '../command';
import { print, withDaemon } from '../context';
import { pathsInMount } from '../paths';
import type { Style, Terminal } from '../terminal';
import { path } from '../text';

export const diff = command({
  name: 'diff',
  summary: 'show what changed in text files',
  details: 'The output is a patch that `git apply` takes. What is no text has a line that begins with #.',
  arguments: { name: nameArgument, paths: pathsArgument },
  options: {},
  run: async (context, { name, paths }) => {
    const { mount } = await context.workspaces.registry.read(name);
    const selected = await pathsInMount(paths, mount);
    const result = await withDaemon(context, name, (client) =>
      client.request(methods.diff, selected === undefined ? {} : { paths: selected }),
    );
    print(context, result, () => result.files.map((file) => describe(file, context.terminal)).join(''));
    return 0;
  },
});

function describe(file: FileDiff, terminal: Terminal): string {
  if (file.patch === undefined) {
    return `${terminal.style('dim', `# ${file.kind} ${path(file.path)}: ${file.note ?? 'no text'}`)}\n`;
  }
  return file.patch.replace(/.+/g, (line) => terminal.style(styleOf(line), line));
}

function styleOf(line: string): Style {
  if (/^(diff --git |--- |\+\+\+ |(old|new|deleted file|new file) mode |rename (from|to) )/.test(line))
    return 'bold';
  if (line.startsWith('@@')) return 'cyan';
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : 'none';
}
