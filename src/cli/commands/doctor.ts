import { command } from '../command';
import { print } from '../context';
import { type Check, examine } from '../doctor';
import type { Terminal } from '../terminal';

export const doctor = command({
  name: 'doctor',
  summary: 'check what this machine can do, and say what to install',
  details: 'The exit code is 1 when something is missing that workspaces need.',
  arguments: {},
  options: {},
  run: async (context) => {
    const checks = await examine(context.workspaces);
    print(context, { checks }, () => checks.map((check) => describe(check, context.terminal)).join('\n'));
    return checks.some(({ level }) => level === 'fail') ? 1 : 0;
  },
});

const styles = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function describe({ level, message, advice }: Check, terminal: Terminal): string {
  const line = `${terminal.style(styles[level], level.padEnd(4))}  ${message}`;
  return advice === undefined ? line : `${line}\n      ${advice}`;
}
