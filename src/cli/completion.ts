import { flagOf, jsonOption, type Command, type Completes, type OptionSpec } from './command';

/** What a shell finds by itself; the names are those of the actions of bash's `compgen`. */
type ShellKind = Exclude<Completes, 'workspace'>;

interface Word {
  readonly text: string;
  readonly description: string;
}

/** What may stand where the last word of a command line is. */
export interface Completion {
  readonly kinds: readonly ShellKind[];
  /** Those that begin as that word does. */
  readonly words: readonly Word[];
}

/** The part of an option or argument that completion needs. */
interface Value {
  readonly choices?: readonly string[];
  readonly completes?: readonly Completes[];
}

/**
 * Completes the last word of a command line.
 *
 * @param line without the program's own name; the last word is the one at the cursor, possibly empty
 * @param workspaceNames asked for only where they fit
 */
export async function completeLine(
  commands: readonly Command[],
  line: readonly string[],
  workspaceNames: () => Promise<readonly string[]>,
): Promise<Completion> {
  const current = line.at(-1) ?? '';
  const { kinds, words } = await candidates(commands, line.slice(0, -1), current, workspaceNames);
  return { kinds, words: words.filter(({ text }) => text.startsWith(current)) };
}

async function candidates(
  commands: readonly Command[],
  [name, ...before]: readonly string[],
  current: string,
  workspaceNames: () => Promise<readonly string[]>,
): Promise<Completion> {
  const none: Completion = { kinds: [], words: [] };
  const listed = commands
    .filter(({ hidden }) => hidden !== true)
    .map((each) => ({ text: each.name, description: each.summary }));
  if (name === undefined) return { ...none, words: [...listed, ...programWords] };
  if (name === 'help') return { ...none, words: before.length === 0 ? listed : [] };
  const command = commands.find((each) => each.name === name);
  if (command === undefined) return none;
  const place = parse(command, before);
  if (place.options && current.startsWith('-')) return { ...none, words: optionWords(command) };
  if (place.value === undefined) return none;
  const { choices = [], completes = [] } = place.value;
  const names = completes.includes('workspace') ? await workspaceNames() : [];
  return {
    kinds: completes.filter((kind) => kind !== 'workspace'),
    words: [
      ...choices.map((text) => ({ text, description: '' })),
      ...names.map((text) => ({ text, description: 'workspace' })),
    ],
  };
}

const programWords: readonly Word[] = [
  { text: 'help', description: 'show how a command is used' },
  { text: '--help', description: 'show the commands' },
  { text: '--version', description: 'print the version' },
];

function optionWords(command: Command): Word[] {
  const options = Object.entries({ ...command.options, json: jsonOption });
  return options.map(([name, { description }]) => ({ text: flagOf(name), description }));
}

/** What comes after some words of a command: which value, and whether an option may come instead. */
function parse(command: Command, before: readonly string[]): { value: Value | undefined; options: boolean } {
  let position = 0;
  let options = true;
  let pending: OptionSpec | undefined;
  for (const word of before) {
    if (pending !== undefined) pending = undefined;
    else if (options && word === '--') options = false;
    else if (options && word.startsWith('-')) pending = optionWithValue(command, word);
    else position++;
  }
  if (pending !== undefined) return { value: pending, options: false };
  return { value: argumentAt(command, position), options };
}

function optionWithValue({ options }: Command, flag: string): OptionSpec | undefined {
  const found = Object.entries(options).find(([name]) => flagOf(name) === flag);
  return found?.[1].value === undefined ? undefined : found[1];
}

/** The last argument takes all further words, if it takes more than one. */
function argumentAt(command: Command, position: number): Value | undefined {
  const specs = Object.values(command.arguments);
  const last = specs.at(-1);
  return specs[position] ?? (last?.count === 'one' ? undefined : last);
}
