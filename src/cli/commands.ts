import type { Command } from './command';
import { commit } from './commands/commit';
import { complete } from './commands/complete';
import { completions } from './commands/completions';
import { create } from './commands/create';
import { diff } from './commands/diff';
import { discard } from './commands/discard';
import { doctor } from './commands/doctor';
import { list } from './commands/list';
import { logs } from './commands/logs';
import { man } from './commands/man';
import { mount } from './commands/mount';
import { open } from './commands/open';
import { remove } from './commands/remove';
import { run } from './commands/run';
import { status } from './commands/status';
import { undo } from './commands/undo';
import { unmount } from './commands/unmount';

/** All that the program can do, in the order in which help lists it. */
export const commands: readonly Command[] = [
  create,
  open,
  run,
  list,
  mount,
  unmount,
  remove,
  status,
  diff,
  commit,
  discard,
  undo,
  logs,
  doctor,
  completions,
  man(() => commands),
  complete(() => commands),
];
