import type { DaemonClient } from '../../protocol/client';
import { CowspaceError } from '../../protocol/errors';
import type { ByteRange, FileDiff, RangePage } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { rangePages } from '../byteRanges';
import { command, nameArgument, pathsArgument } from '../command';
import { print, withDaemon } from '../context';
import { hexDump } from '../hexDump';
import { pathsInMount } from '../paths';
import type { Style, Terminal } from '../terminal';
import { path } from '../text';

export const diff = command({
  name: 'diff',
  summary: 'show what changed, in text by line, in other files by byte',
  details:
    'For text, the output is a patch that `git apply` takes. What is no text, or too large, has a line that begins ' +
    'with #, and then its changed ranges, `offset length` in bytes, a line each; another line with # says so when it ' +
    'is shorter than in the base.',
  arguments: { name: nameArgument, paths: pathsArgument },
  options: {
    hex: { description: 'show the bytes of changed ranges: those of the base, then those of the workspace' },
  },
  run: async (context, { name, paths }, { hex }) => {
    if (hex && context.json) throw new CowspaceError('usage', '--hex is for people; --json has the ranges.');
    const { mount } = await context.workspaces.registry.read(name);
    const selected = await pathsInMount(paths, mount);
    await withDaemon(context, name, async (client) => {
      const { files } = await client.request(methods.diff, selected === undefined ? {} : { paths: selected });
      if (context.json) print(context, { files: await withRanges(client, files) }, () => '');
      else for (const file of files) await describe(context.terminal, client, file, hex);
    });
    return 0;
  },
});

async function withRanges(client: DaemonClient, files: readonly FileDiff[]): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const file of files) {
    const { ranged, ...rest } = file;
    all.push(ranged ? { ...rest, ...(await collect(rangePages(client, file.path))) } : rest);
  }
  return all;
}

async function collect(pages: AsyncIterable<RangePage>): Promise<Omit<RangePage, 'next'>> {
  const ranges: ByteRange[] = [];
  let sizes = { size: 0, baseSize: 0 };
  for await (const { ranges: some, size, baseSize } of pages) {
    ranges.push(...some);
    sizes = { size, baseSize };
  }
  return { ...sizes, ranges };
}

async function describe(
  terminal: Terminal,
  client: DaemonClient,
  file: FileDiff,
  hex: boolean,
): Promise<void> {
  if (file.patch !== undefined) {
    await terminal.stream(file.patch.replace(/.+/g, (line) => terminal.style(styleOf(line), line)));
    return;
  }
  const heading = `# ${file.kind} ${path(file.path)}: ${file.note ?? 'no text'}`;
  await terminal.stream(`${terminal.style('dim', heading)}\n`);
  if (!file.ranged) return;
  for await (const { ranges, next, size, baseSize } of rangePages(client, file.path)) {
    for (const range of ranges) {
      await terminal.stream(`${range.offset} ${range.length}\n`);
      if (!hex) continue;
      for await (const lines of hexDump(client, terminal, file.path, range)) await terminal.stream(lines);
    }
    // What only the base has is no range of the file.
    if (next === null && baseSize > size)
      await terminal.stream(
        `${terminal.style('dim', `# cut off at ${size}, where the base had ${baseSize}`)}\n`,
      );
  }
}

function styleOf(line: string): Style {
  if (/^(diff --git |--- |\+\+\+ |(old|new|deleted file|new file) mode |rename (from|to) )/.test(line))
    return 'bold';
  if (line.startsWith('@@')) return 'cyan';
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : 'none';
}
