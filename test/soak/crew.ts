import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Work } from './worker';

/** Processes that work at the same time, each in a directory of its own, named by its number. */
export class Crew {
  readonly #workers: readonly ChildProcess[];
  /** Aborted when one of them ends, which has said why. */
  readonly #ended = new AbortController();

  constructor(size: number) {
    this.#workers = Array.from({ length: size }, () =>
      fork(join(__dirname, 'worker.ts'), { execArgv: ['--import', 'tsx'] }),
    );
    for (const worker of this.#workers) worker.once('exit', () => this.#ended.abort());
  }

  /** Has each do as many operations below `root`; returns how they ended. The same seed gives the same operations. */
  work(root: string, seed: number, count: number): Promise<unknown[]> {
    return Promise.all(
      this.#workers.map(async (worker, i) => {
        const work: Work = { root: join(root, String(i)), seed: seed + i, count };
        worker.send(work);
        const [outcomes] = (await once(worker, 'message', this.#ended)) as unknown[];
        return outcomes;
      }),
    );
  }

  end(): void {
    for (const worker of this.#workers) worker.kill();
  }
}
