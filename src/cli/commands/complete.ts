import { command, type Command } from '../command';
import { completeLine } from '../completion';
import { print } from '../context';

/** Answers the scripts of `completions`, which know the form of the text. */
export function complete(commands: () => readonly Command[]): Command {
  return command({
    name: 'complete',
    summary: 'print what may come next on a command line',
    hidden: true,
    arguments: {
      words: { description: 'the line so far, the last word being the one at the cursor', count: 'any' },
    },
    options: {},
    run: async (context, { words }) => {
      const completion = await completeLine(commands(), words, () => context.workspaces.registry.names());
      print(context, completion, () => {
        const lines = completion.words.map(({ text, description }) => `${text}\t${description}`);
        return [completion.kinds.join(' '), ...lines].join('\n');
      });
      return 0;
    },
  });
}
