import { strict as assert } from 'node:assert';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CowspaceFailure } from '../support/cowspace';
import { residentMegabytes, untilEnded } from '../support/processes';
import { runChecked } from '../support/command';
import { useSandbox } from '../support/sandbox';
import { content } from './content';
import { Random } from './random';
import type { Work } from './worker';

const SECONDS = Number(process.env['COWSPACE_SOAK_SECONDS'] ?? 60);
const SEED = Number(process.env['COWSPACE_SOAK_SEED'] ?? Date.now() % 2 ** 31);
/** Whether commits run while the processes work, too: not by default, as they fail where files are replaced under them. */
const BUSY = process.env['COWSPACE_SOAK_BUSY'] === '1';
const PROCESSES = 8;
const OPERATIONS = 400;
/** Rounds after which the daemon holds what it holds for good. */
const SETTLED = 5;
/** Megabytes by which it may still grow: what its allocator keeps. */
const MAY_GROW = 64;

/** What happens between two rounds. */
const interludes = ['nothing', 'commit', 'discard', 'remount', 'kill'] as const;

describe(`eight processes at work for ${SECONDS} s`, function () {
  this.timeout((SECONDS + 120) * 1000);
  const sandbox = useSandbox('suite');
  const random = new Random(SEED);
  let workers: ChildProcess[];
  let base: string;
  let plain: string;
  let mount: string;

  before(async () => {
    base = sandbox().directory('base');
    plain = sandbox().path('plain');
    workers = Array.from({ length: PROCESSES }, () =>
      fork(join(__dirname, 'worker.ts'), { execArgv: ['--import', 'tsx'] }),
    );
    for (let i = 0; i < PROCESSES; i++) mkdirSync(join(base, String(i)));
    await copyBase();
    ({ mount } = await sandbox().cowspace.create([base], '--name', 'a'));
  });

  after(() => {
    for (const worker of workers) worker.kill();
  });

  it(`leaves in the workspace what it leaves in a plain directory (seed ${SEED})`, async () => {
    const end = Date.now() + SECONDS * 1000;
    const counts = new Map<string, number>();
    let settled = { megabytes: 0, descriptors: 0 };
    for (let round = 1; Date.now() < end; round++) {
      await work(random.below(2 ** 31), random.below(3) === 0 && BUSY);
      const interlude = random.pick(interludes);
      counts.set(interlude, (counts.get(interlude) ?? 0) + 1);
      await perform(interlude);
      if (round === SETTLED) settled = await held();
    }
    console.log(`      ${[...counts].map(([name, count]) => `${name}: ${count}`).join(', ')}`);
    const last = await held();
    console.log(`      daemon: ${last.megabytes} MB, ${last.descriptors} descriptors`);
    if (settled.megabytes > 0) assert.ok(last.megabytes < settled.megabytes + MAY_GROW);
  });

  /** The same operations in the workspace and in the plain directory. */
  async function work(seed: number, withCommit: boolean): Promise<void> {
    const inMount = together(mount, seed);
    if (withCommit) await commit();
    const outcomes = await inMount;
    assert.deepEqual(outcomes, await together(plain, seed));
    assert.deepEqual(content(mount), content(plain));
  }

  function together(root: string, seed: number): Promise<unknown[]> {
    return Promise.all(
      workers.map(async (worker, i) => {
        const work: Work = { root: join(root, String(i)), seed: seed + i, count: OPERATIONS };
        worker.send(work);
        const [outcomes] = (await once(worker, 'message')) as unknown[];
        return outcomes;
      }),
    );
  }

  async function perform(interlude: (typeof interludes)[number]): Promise<void> {
    switch (interlude) {
      case 'nothing':
        return;
      case 'commit':
        await sandbox().cowspace.commit('a');
        assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
        assert.deepEqual(content(base), content(plain));
        break;
      case 'discard':
        await sandbox().cowspace.discard('a');
        assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
        rmSync(plain, { recursive: true });
        await copyBase();
        break;
      case 'remount':
        await sandbox().cowspace.json(['unmount', 'a']);
        await sandbox().cowspace.mount('a');
        break;
      case 'kill':
        // What the kernel has not written back dies with the daemon, as with a disk that is pulled out.
        await runChecked('sync', ['--file-system', mount]);
        await killDaemon();
        await sandbox().cowspace.mount('a');
        break;
    }
    assert.deepEqual(content(mount), content(plain));
  }

  function copyBase(): Promise<string> {
    return runChecked('cp', ['-a', base, plain]);
  }

  /** One that comes upon files in motion may be refused, and then has done nothing. */
  async function commit(): Promise<void> {
    try {
      await sandbox().cowspace.commit('a');
    } catch (error) {
      if (!(error instanceof CowspaceFailure) || error.code !== 'conflict') throw error;
    }
  }

  async function killDaemon(): Promise<void> {
    const pid = await daemonPid();
    process.kill(pid, 'SIGKILL');
    await untilEnded([pid]);
  }

  async function held(): Promise<{ megabytes: number; descriptors: number }> {
    const pid = await daemonPid();
    return { megabytes: residentMegabytes(pid), descriptors: readdirSync(`/proc/${pid}/fd`).length };
  }

  async function daemonPid(): Promise<number> {
    return (await sandbox().cowspace.list())[0]!.pid!;
  }
});
