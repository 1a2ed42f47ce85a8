#!/usr/bin/env node
import { join } from 'node:path';
import { asCowspaceError, type CowspaceError, toErrorMessage } from '../protocol/errors';
import { findHome } from '../protocol/home';
import { Workspaces } from '../protocol/workspaces';
import { runProgram } from './program';
import { Terminal } from './terminal';
import { printable } from './text';

const terminal = new Terminal();

async function main(argv: readonly string[]): Promise<number> {
  try {
    const workspaces = new Workspaces(findHome(), join(__dirname, 'daemon.js'));
    return await runProgram(argv, (json) => ({ workspaces, terminal, json }));
  } catch (error) {
    const failure = asCowspaceError(error);
    terminal.note(
      isJsonWanted(argv) ? JSON.stringify({ error: toErrorMessage(failure) }) : describe(failure),
    );
    return failure.code === 'usage' ? 2 : 1;
  }
}

/** Also where the command line is too wrong to be parsed. */
function isJsonWanted(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? argv.length : end).includes('--json');
}

function describe(error: CowspaceError): string {
  const text = error.code === 'internal' && error.stack !== undefined ? error.stack : error.message;
  return `cowspace: ${text.split('\n').map(printable).join('\n')}`;
}

// Whoever reads our output may have seen enough, such as `head`.
process.stdout.on('error', () => process.exit(0));

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
