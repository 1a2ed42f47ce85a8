import { operate } from './operations';
import { Random } from './random';

/** Work for one of the processes. */
export interface Work {
  readonly root: string;
  readonly seed: number;
  readonly count: number;
}

process.on('message', ({ root, seed, count }: Work) => {
  process.send!(operate(root, new Random(seed), count));
});
