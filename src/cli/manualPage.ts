import { flagOf, jsonOption, type ArgumentSpec, type Command, type OptionSpec } from './command';

/**
 * The manual page of the program, as man(7) wants it.
 *
 * @param about of the program as a whole, as in package.json
 */
export function manualPage(
  commands: readonly Command[],
  about: { readonly description: string; readonly version: string },
): string {
  const sections = [
    `.TH COWSPACE 1 "" "cowspace ${escape(about.version)}"`,
    '.SH NAME',
    'cowspace \\- copy\\-on\\-write workspaces',
    '.SH SYNOPSIS',
    '\\fBcowspace\\fR \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]',
    '.SH DESCRIPTION',
    text(about.description),
    '.SH COMMANDS',
    ...commands.filter(({ hidden }) => hidden !== true).map(section),
    '.SH OPTIONS OF EVERY COMMAND',
    option('json', jsonOption),
    item(bold('--help'), 'show how the command is used'),
    ...closing,
  ];
  return `${sections.join('\n')}\n`;
}

const closing = [
  '.SH EXIT STATUS',
  entry('0', 'Done.'),
  entry('1', 'Something failed; standard error says what.'),
  entry('2', 'The command line is wrong.'),
  '.PP',
  text('That of `cowspace run` is that of the command it runs.'),
  '.SH ENVIRONMENT',
  entry('COWSPACE_HOME', 'Where everything is kept, instead of below XDG_DATA_HOME.'),
  entry('XDG_DATA_HOME', 'What cowspace keeps is in the folder cowspace below it (default: ~/.local/share).'),
  entry('XDG_RUNTIME_DIR', 'Where sockets are.'),
  entry('NO_COLOR', 'When set, the output has no colours.'),
  '.SH FILES',
  entry('~/.local/share/cowspace/workspaces/NAME', 'What is known of a workspace, its log, and its scratch.'),
  entry('~/.local/share/cowspace/mounts/NAME', 'Where it is mounted.'),
];

function section(command: Command): string {
  const { name, summary, details, options } = command;
  return [
    `.SS ${name}`,
    usage(command),
    '.PP',
    text(`${capitalized(summary)}.${details === undefined ? '' : ` ${details}`}`),
    ...Object.entries(command.arguments).map(([key, spec]) => argument(key, spec)),
    ...Object.entries(options).map(([key, spec]) => option(key, spec)),
  ].join('\n');
}

function usage(command: Command): string {
  const options = Object.keys(command.options).length === 0 ? [] : ['[\\fIoptions\\fR]'];
  const values = Object.entries(command.arguments).map(([name, { count }]) => {
    const form = { one: italic(name), any: `[${italic(name)} ...]`, many: `${italic(name)} ...` };
    return form[count];
  });
  return [bold(`cowspace ${command.name}`), ...options, ...values].join(' ');
}

function argument(name: string, spec: ArgumentSpec): string {
  return item(italic(name), withChoices(spec));
}

function option(name: string, spec: OptionSpec): string {
  const value = spec.value === undefined ? '' : ` ${italic(spec.value)}`;
  return item(`${bold(flagOf(name))}${value}`, withChoices(spec));
}

function withChoices({ description, choices }: ArgumentSpec | OptionSpec): string {
  return choices === undefined ? description : `${description} (${choices.join(', ')})`;
}

function entry(term: string, sentence: string): string {
  return item(bold(term), sentence);
}

/** A paragraph with a term beside or above it. @param term with escapes already */
function item(term: string, description: string): string {
  return `.TP\n${term}\n${text(capitalized(description).replace(/\.?$/, '.'))}`;
}

/** A paragraph in which what stands between backticks is code. */
function text(content: string): string {
  const line = content
    .split('`')
    .map((part, i) => (i % 2 === 0 ? escape(part) : bold(part)))
    .join('');
  // At the start of a line these would make it a request to the formatter.
  return line.replace(/^[.']/, '\\&$&');
}

function bold(content: string): string {
  return `\\fB${escape(content)}\\fR`;
}

function italic(content: string): string {
  return `\\fI${escape(content)}\\fR`;
}

/** Has characters printed that otherwise are commands, or print as typographic ones. */
function escape(content: string): string {
  const names: Readonly<Record<string, string>> = { '\\': '\\e', '-': '\\-', '~': '\\(ti', "'": '\\(aq' };
  return content.replace(/[\\~'-]/g, (character) => names[character]!);
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
