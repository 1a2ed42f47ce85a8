import { Workplace } from './operations';
import { Random } from './random';

/** Work for one of the processes. */
export interface Work {
  readonly root: string;
  readonly seed: number;
  readonly count: number;
}

process.umask(0o022);
process.on('message', ({ root, seed, count }: Work) => {
  process.send!(new Workplace(root, new Random(seed)).operate(count));
});
