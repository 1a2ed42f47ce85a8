import { Argument, Command as Program, CommanderError, Option } from 'commander';
import { description, version } from '../../package.json';
import { CowspaceError } from '../protocol/errors';
import { flagOf, jsonOption, type ArgumentSpec, type Command, type OptionSpec } from './command';
import { commands } from './commands';
import type { Context } from './context';

/**
 * Runs the command that a command line names.
 *
 * @param argv without the program's own name
 * @returns its exit code
 * @throws CowspaceError
 */
export async function runProgram(
  argv: readonly string[],
  contextFor: (json: boolean) => Context,
): Promise<number> {
  let exitCode = 0;
  const program = new Program('cowspace')
    .description(description)
    .version(version)
    .helpCommand('help [command]', 'show how a command is used');
  for (const each of commands) {
    const sub = program
      .command(each.name, { hidden: each.hidden === true })
      .summary(each.summary)
      .description(describe(each));
    for (const [name, spec] of Object.entries(each.arguments)) sub.addArgument(argumentOf(name, spec));
    for (const [name, spec] of Object.entries(each.options)) sub.addOption(optionOf(name, spec));
    sub.addOption(optionOf('json', jsonOption));
    sub.action(async () => {
      const { json, ...options } = sub.opts<Record<string, string | string[] | boolean | undefined>>();
      const values = { ...emptyOptions(each), ...options };
      exitCode = await each.run(contextFor(json === true), argumentValues(each, sub.processedArgs), values);
    });
  }
  for (const each of [program, ...program.commands]) {
    // What went wrong is told in one place, with everything else that can go wrong.
    each.exitOverride().configureOutput({ outputError: () => undefined });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw new CowspaceError('usage', error.message.replace(/^error: /, '').replaceAll('\n', ' '));
  }
}

function describe({ summary, details }: Command): string {
  return details === undefined ? `${summary}.` : `${summary}.\n\n${details}`;
}

function argumentOf(name: string, { description, count, choices }: ArgumentSpec): Argument {
  const form = { one: `<${name}>`, any: `[${name}...]`, many: `<${name}...>` }[count];
  const argument = new Argument(form, description);
  if (choices !== undefined) argument.choices(choices);
  return argument;
}

function optionOf(name: string, { description, value, choices, repeatable }: OptionSpec): Option {
  const flag = flagOf(name);
  const option = new Option(value === undefined ? flag : `${flag} <${value}>`, description);
  if (choices !== undefined) option.choices(choices);
  if (repeatable) option.argParser<string[] | undefined>((each, before) => [...(before ?? []), each]);
  return option;
}

/** Options that may be given several times, and were not given. */
function emptyOptions({ options }: Command): Record<string, string[]> {
  const repeatable = Object.entries(options).filter(([, spec]) => spec.repeatable);
  return Object.fromEntries(repeatable.map(([name]) => [name, []]));
}

function argumentValues(command: Command, values: readonly unknown[]): Record<string, string | string[]> {
  const names = Object.keys(command.arguments);
  return Object.fromEntries(names.map((name, i) => [name, values[i] as string | string[]]));
}
