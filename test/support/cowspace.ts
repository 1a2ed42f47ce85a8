import { join } from 'node:path';
import type { ErrorCode } from '../../src/protocol/errors';
import type {
  ChangeList,
  CommitResult,
  DiffResult,
  DiscardResult,
  WorkspaceInfo,
} from '../../src/protocol/messages';
import { runCommand, type CommandOptions, type CommandResult } from './command';
import type { MountDriver } from './drivers';
import { untilEnded } from './processes';
import { currentUser, type User } from './users';

/** A command of cowspace that failed. */
export class CowspaceFailure extends Error {
  constructor(
    args: readonly string[],
    readonly result: CommandResult,
    /** As in the `--json` output; undefined when there is none. */
    readonly code: ErrorCode | undefined,
  ) {
    const end = result.signal ?? `exit code ${String(result.code)}`;
    super(`cowspace ${args.join(' ')}: ${end}\n${result.stdout}${result.stderr}`);
  }
}

/** The built command line, working on a data directory of its own. */
export class Cowspace {
  /** For other programs that shall see the same workspaces. */
  readonly environment: NodeJS.ProcessEnv;

  /** @param home the data directory, absolute. @param driver mounts what commands create */
  constructor(
    readonly home: string,
    readonly user: User = currentUser(),
    readonly driver: MountDriver = 'kernel',
  ) {
    this.environment = { ...process.env, COWSPACE_HOME: home };
    if (user.uid !== currentUser().uid) {
      this.environment['HOME'] = home;
      delete this.environment['XDG_RUNTIME_DIR'];
    }
  }

  /** Runs a command to its end, whatever its exit code. */
  run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const program = join(this.user.programDirectory, 'dist/cli.js');
    return this.runProgram(process.execPath, [program, ...this.withDriver(args)], options);
  }

  /** The command's arguments, with the driver where it takes one. */
  private withDriver([command, ...args]: readonly string[]): string[] {
    if (command === undefined) return [];
    const chosen = command !== 'create' || args.includes('--driver');
    return chosen ? [command, ...args] : [command, '--driver', this.driver, ...args];
  }

  /** Runs any other program as this user. */
  runProgram(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { uid, gid } = this.user;
    return runCommand(command, args, { env: this.environment, uid, gid, ...options });
  }

  /** Runs any other program in a directory that maybe only this user may enter, as a mount is. */
  runInside(
    directory: string,
    command: string,
    args: readonly string[],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    // A directory of root's on the PATH would end the search for an ordinary user.
    const env = { ...this.environment, PATH: '/usr/local/bin:/usr/bin:/bin', ...options.env };
    const line = [`--chdir=${directory}`, command, ...args];
    return this.runProgram('env', line, { ...options, env });
  }

  /** Runs a command with `--json` and returns what it printed. @throws {CowspaceFailure} */
  async json<T>(args: readonly string[], options: CommandOptions = {}): Promise<T> {
    const result = await this.run([...args, '--json'], options);
    if (result.code !== 0) throw new CowspaceFailure(args, result, errorCode(result.stderr));
    return JSON.parse(result.stdout) as T;
  }

  create(bases: readonly string[], ...options: string[]): Promise<WorkspaceInfo> {
    return this.json(['create', ...bases, ...options]);
  }

  mount(name: string): Promise<WorkspaceInfo> {
    return this.json(['mount', name]);
  }

  /** Ends a workspace's daemon as a crash would, and mounts again. */
  async mountAfterCrash({ name, pid }: WorkspaceInfo): Promise<WorkspaceInfo> {
    if (pid === null) throw new Error(`${name} is not mounted`);
    process.kill(pid, 'SIGKILL');
    await untilEnded([pid]);
    return this.mount(name);
  }

  list(): Promise<WorkspaceInfo[]> {
    return this.json(['list']);
  }

  status(name: string): Promise<Pick<ChangeList, 'changes' | 'totals'>> {
    return this.json(['status', name]);
  }

  diff(name: string, ...paths: string[]): Promise<DiffResult> {
    return this.json(['diff', name, ...paths]);
  }

  commit(name: string, ...args: string[]): Promise<CommitResult> {
    return this.json(['commit', name, ...args]);
  }

  discard(name: string, ...paths: string[]): Promise<DiscardResult> {
    return this.json(['discard', name, ...paths]);
  }
}

function errorCode(stderr: string): ErrorCode | undefined {
  try {
    return (JSON.parse(stderr) as { error: { code: ErrorCode } }).error.code;
  } catch {
    return undefined;
  }
}
