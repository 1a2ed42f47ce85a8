import { strict as assert } from 'node:assert';
import type { Job } from '../../../src/core/job';
import { CowspaceError } from '../../../src/protocol/errors';
import { type IdleWork, Scheduler, type Task } from '../../../src/daemon/scheduler';

const nothingToDo: IdleWork = { next: () => undefined, delay: () => -1 };

describe('scheduler', () => {
  let events: string[];

  beforeEach(() => {
    events = [];
  });

  function task(name: string, job: Job<unknown>, id?: number): Task {
    return {
      ...(id !== undefined && { id }),
      job,
      progress: ({ done, total }) => events.push(`${name} ${done}/${total}`),
      done: (result) => events.push(`${name} = ${String(result)}`),
      failed: (error) =>
        events.push(`${name} ! ${error instanceof CowspaceError ? error.code : String(error)}`),
    };
  }

  function* steps(total: number): Job<string> {
    for (let done = 1; done <= total; done++) yield { done, total };
    return 'end';
  }

  function* busy(milliseconds: number): Job<void> {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) yield undefined;
  }

  function schedulerWith(idle: IdleWork = nothingToDo): Scheduler {
    return new Scheduler(idle);
  }

  it('runs tasks one after the other', () => {
    const scheduler = schedulerWith();
    scheduler.add(task('a', steps(2)));
    scheduler.add(task('b', steps(1)));
    assert.equal(scheduler.step(), -1);
    assert.deepEqual(events, ['a 1/2', 'a 2/2', 'a = end', 'b 1/1', 'b = end']);
  });

  it('does a few milliseconds of work at a time', () => {
    const scheduler = schedulerWith();
    scheduler.add(task('a', busy(100)));
    let slices = 1;
    while (scheduler.step() === 0) slices++;
    // Up to 25 on a machine that has nothing else to do.
    assert(slices > 2, `${slices} slices`);
    assert.deepEqual(events, ['a = undefined']);
  });

  it('goes on after a task that failed', () => {
    const scheduler = schedulerWith();
    // eslint-disable-next-line require-yield -- it fails at once
    const failing = (function* (): Job<void> {
      throw new CowspaceError('io', 'EIO');
    })();
    scheduler.add(task('a', failing));
    scheduler.add(task('b', steps(0)));
    scheduler.step();
    assert.deepEqual(events, ['a ! io', 'b = end']);
  });

  it('cancels tasks, whether begun or not, and lets them clear up', () => {
    const scheduler = schedulerWith();
    const begun = (function* (): Job<void> {
      try {
        yield* busy(1000);
      } finally {
        events.push('cleared up');
      }
    })();
    scheduler.add(task('a', begun, 1));
    scheduler.add(task('b', steps(1), 2));
    scheduler.add(task('c', steps(0), 3));
    scheduler.add(task('d', busy(1000), 4));
    scheduler.add(task('e', steps(0)));
    assert.equal(scheduler.step(), 0);
    scheduler.cancel(2);
    scheduler.cancel(1);
    scheduler.cancel(99);
    assert.deepEqual(events, ['b ! cancelled', 'cleared up', 'a ! cancelled']);
    scheduler.step();
    scheduler.close();
    assert.deepEqual(events.slice(3), ['c = end', 'd ! cancelled', 'e ! cancelled']);
  });

  it('does what is short at once', () => {
    const scheduler = schedulerWith();
    scheduler.add(task('a', busy(1000)));
    scheduler.step();
    scheduler.run(task('b', steps(1)));
    assert.deepEqual(events, ['b 1/1', 'b = end']);
  });

  it('idles last', () => {
    let left = 2;
    const scheduler = schedulerWith({
      next: () => (left-- > 0 ? task('idle', steps(0)) : undefined),
      delay: () => 17,
    });
    scheduler.add(task('asked', steps(0)));
    assert.equal(scheduler.step(), 17);
    assert.deepEqual(events, ['asked = end', 'idle = end', 'idle = end']);
  });
});
