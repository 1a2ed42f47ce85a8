import { Engine, type EngineOptions } from '../core/engine';
import type { Invalidator } from '../core/filesystem';
import type { Job } from '../core/job';
import type { WorkspaceConfig } from '../protocol/registry';

/** No kernel has anything cached of it. */
const noKernel: Invalidator = { inode: () => undefined, entry: () => undefined };

/** Opens the engine over a workspace that is not mounted; whoever does that holds its locks. @throws CowspaceError */
export function openUnmounted(
  { bases, scratch }: Pick<WorkspaceConfig, 'bases' | 'scratch'>,
  log: EngineOptions['log'] = () => undefined,
): Engine {
  return Engine.open({ bases, scratch, invalidator: noKernel, log });
}

/** Runs a job to its end; nobody waits for anything else meanwhile. */
export function finish<R>(job: Job<R>): R {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}
