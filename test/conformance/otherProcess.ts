import { fork } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import * as calls from './calls';
import { lock, type LockType } from './locks';
import { Mapping } from './memory';

/** What another process can be asked to do; it holds what it has opened until it ends. */
type Command =
  | { do: 'lock'; path: string; type: LockType; start: number; length: number }
  | { do: 'mapAndWrite'; path: string; offset: number; text: string }
  | { do: 'readMapped'; offset: number; length: number };

/** Another process that works on the same files. */
export class OtherProcess {
  readonly #child = fork(__filename, { execArgv: ['--import', 'tsx'] });

  /** Returns a result, or a negative error number. */
  async ask(command: Command): Promise<number | string> {
    const answer = once(this.#child, 'message') as Promise<[number | string]>;
    this.#child.send(command);
    return (await answer)[0];
  }

  async end(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }
}

let mapping: Mapping | undefined;

function obey(command: Command): number | string {
  switch (command.do) {
    case 'lock':
      return lock(
        'posix',
        calls.open(command.path, calls.O_RDWR),
        command.type,
        command.start,
        command.length,
      );
    case 'mapAndWrite':
      mapping = new Mapping(calls.open(command.path, calls.O_RDWR), 4096);
      mapping.write(command.offset, command.text);
      return 0;
    case 'readMapped':
      return mapping!.read(command.offset, command.length);
  }
}

if (pathToFileURL(process.argv[1] ?? '').href === pathToFileURL(__filename).href)
  process.on('message', (command: Command) => process.send!(obey(command)));
