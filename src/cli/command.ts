import type { Context } from './context';

/** The form of a command line, from which parsing, help, and whatever else describes the program are made. */
interface ValueSpec {
  readonly description: string;
  readonly choices?: readonly string[];
  /** What a shell offers for it besides the choices. */
  readonly completes?: readonly Completes[];
}

export type Completes = 'workspace' | 'directory' | 'file' | 'command';

export interface ArgumentSpec extends ValueSpec {
  readonly count: 'one' | 'any' | 'many';
}

export interface OptionSpec extends ValueSpec {
  /** A name for its value; absent: the option has none. */
  readonly value?: string;
  /** May be given several times. */
  readonly repeatable?: true;
}

/** What the user gave. */
type ArgumentValues<A> = {
  readonly [K in keyof A]: A[K] extends { readonly count: 'one' } ? string : string[];
};
type OptionValues<O> = {
  readonly [K in keyof O]: O[K] extends { readonly repeatable: true }
    ? string[]
    : O[K] extends { readonly value: string }
      ? string | undefined
      : boolean;
};

interface CommandDefinition<A, O> {
  readonly name: string;
  /** A sentence without a full stop, as help lists it. */
  readonly summary: string;
  /** What else there is to know. */
  readonly details?: string;
  /** For scripts that cowspace itself provides: help does not list it. */
  readonly hidden?: true;
  /** By name, in order. */
  readonly arguments: A;
  /** By name in camel case: `dryRun` is `--dry-run`. */
  readonly options: O;
  /** Returns the exit code. @throws CowspaceError */
  readonly run: (context: Context, args: ArgumentValues<A>, options: OptionValues<O>) => Promise<number>;
}

type Arguments = Readonly<Record<string, ArgumentSpec>>;
type Options = Readonly<Record<string, OptionSpec>>;

/** A command of any form. */
export type Command = Omit<CommandDefinition<Arguments, Options>, 'run'> & {
  readonly run: (
    context: Context,
    args: Readonly<Record<string, string | string[]>>,
    options: Readonly<Record<string, string | string[] | boolean | undefined>>,
  ) => Promise<number>;
};

/** Checks that what a command does fits the form that it says it has. */
export function command<const A extends Arguments, const O extends Options>(
  definition: CommandDefinition<A, O>,
): Command {
  return definition as unknown as Command;
}

/** How an option is written. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Arguments that several commands have. */
export const nameArgument = { description: 'the workspace', count: 'one', completes: ['workspace'] } as const;
export const pathsArgument = {
  description:
    'files or directories of the mount, relative to the working directory when that is inside it, else to the mount; ' +
    'without any: everything',
  count: 'any',
  completes: ['file'],
} as const;
export const yesOption = { description: 'do not ask' } as const;
/** What every command has. */
export const jsonOption = { description: 'print JSON' } as const;
