import { Engine } from '../../../src/core/engine';

/**
 * Commits everything in a workspace: `SCRATCH BASE STEP`. Kills itself before the step of that number, if there is
 * one; else prints how many steps there were.
 */
const [scratch, base, kill] = process.argv.slice(2);
const engine = Engine.open({
  bases: [base!],
  scratch: scratch!,
  invalidator: { inode: () => undefined, entry: () => undefined },
  log: () => undefined,
});
const commit = engine.commit({});
process.send?.('started');
let steps = 0;
for (; commit.next().done !== true; steps++) {
  if (steps === Number(kill)) process.kill(process.pid, 'SIGKILL');
}
engine.close();
process.stdout.write(`${steps}\n`);
if (process.connected) process.disconnect();
