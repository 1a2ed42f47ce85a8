import { strict as assert } from 'node:assert';
import { commands } from '../../../src/cli/commands';
import { runProgram } from '../../../src/cli/program';
import { Terminal } from '../../../src/cli/terminal';
import { CowspaceError } from '../../../src/protocol/errors';
import { findHome } from '../../../src/protocol/home';
import { Workspaces } from '../../../src/protocol/workspaces';

describe('program', () => {
  function run(...argv: string[]): Promise<number> {
    return runProgram(argv, (json) => ({
      workspaces: new Workspaces(findHome({ COWSPACE_HOME: '/nonexistent' }), '/nonexistent/daemon.js'),
      terminal: new Terminal(),
      json,
    }));
  }

  it('describes each command by a sentence that help can list', () => {
    for (const { name, summary, options } of commands) {
      assert.match(name, /^[a-z]+$/);
      assert.match(summary, /^[a-z].*[^.]$/);
      assert(!('json' in options), `${name} has --json anyway`);
    }
    assert.equal(new Set(commands.map(({ name }) => name)).size, commands.length);
  });

  it('tells what is wrong with a command line', async () => {
    for (const [argv, message] of [
      [['creat'], /unknown command 'creat'.*create/],
      [['create'], /missing required argument 'base'/],
      [['status', 'a', 'b'], /too many arguments/],
      [['list', '--nonsense'], /unknown option '--nonsense'/],
      [['create', 'x', '--driver', 'nonsense'], /kernel, fuse-native/],
    ] as const) {
      await assert.rejects(run(...argv), (error) => {
        assert(error instanceof CowspaceError);
        assert.match(error.message, message);
        return error.code === 'usage';
      });
    }
  });
});
