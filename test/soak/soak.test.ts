import { strict as assert } from 'node:assert';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonClient } from '../../src/protocol/client';
import { findHome, socketPath } from '../../src/protocol/home';
import { methods } from '../../src/protocol/methods';
import { runChecked } from '../support/command';
import { openDescriptors, residentMegabytes, untilEnded } from '../support/processes';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { untilChanged } from './changes';
import { content } from './content';
import { Crew } from './crew';
import { Random } from './random';

/** How long it takes. If it is not said, there are as many rounds every time, and no clock decides anything. */
const SECONDS = process.env['COWSPACE_SOAK_SECONDS'];
const SEED = Number(process.env['COWSPACE_SOAK_SEED'] ?? 1);
/** Whether changes are committed and discarded while the processes work, too: not by default, as commits may then fail. */
const BUSY = process.env['COWSPACE_SOAK_BUSY'] === '1';
const PROCESSES = 8;
const OPERATIONS = 300;
/** While the daemon may be ended: the share of the time, or how many rounds. All that happens between them comes as often. */
const ENDED = { share: 0.6, rounds: 21 };
/** While one daemon lives. */
const ONE_DAEMON = { share: 0.4, rounds: 12 };
/** Rounds after which a daemon's memory has its size: code is compiled, and what its allocator keeps it has. */
const SETTLED = 4;
/** Megabytes by which the memory may grow after that: what V8 takes for the young objects of its two threads, and code. */
const MAY_GROW = 2 * 48 + 8;

/** Changes in base and scratch after which the daemon is killed: as many as a commit has here, but for a large one. */
const MOST_IN_COMMIT = 1500;
/** Milliseconds that may go by after that: what is done in a file without a name is no change in a directory. */
const MOST_BEFORE_KILL = 20;

/** Milliseconds between two times that the kernel forgets what it knows of names. */
const FORGETS_EVERY = 100;

/** What runs while the processes work. */
const company = BUSY ? (['nothing', 'commit', 'discard'] as const) : (['nothing'] as const);
/** What happens between two rounds. */
const interludes = ['nothing', 'commit', 'discard', 'undo'] as const;
/** As before; these end the daemon. */
const ends = ['remount', 'kill', 'kill in commit'] as const;

describe('Eight processes at work', function () {
  this.timeout((Number(SECONDS ?? 600) + 300) * 1000);
  const sandbox = useSandbox('suite');
  const random = new Random(SEED);
  const counts = new Map<string, number>();
  let crew: Crew;
  let base: string;
  let plain: string;
  let mount: string;
  let scratch: string;
  /** Whether something was discarded, and that was not undone. */
  let discarded = false;

  before(async () => {
    base = sandbox().directory('base');
    plain = sandbox().path('plain');
    crew = new Crew(PROCESSES);
    for (let i = 0; i < PROCESSES; i++) mkdirSync(join(base, String(i)));
    await copyBase();
    ({ mount, scratch } = await sandbox().cowspace.create([base], '--name', 'a'));
  });

  after(() => {
    crew.end();
    console.log(`      ${[...counts].map(([name, count]) => `${name}: ${count}`).join(', ')}`);
  });

  it(`leave in the workspace what they leave in a plain directory (seed ${SEED})`, async () => {
    await rounds(ENDED, [...interludes, ...ends]);
  });

  it(`take from one daemon neither memory nor descriptors for good (seed ${SEED})`, async () => {
    const sizes: number[] = [];
    await clear();
    const descriptors = await settledDescriptors();
    await rounds(ONE_DAEMON, interludes, async () => {
      sizes.push(residentMegabytes(await daemonPid()));
    });
    await clear();
    console.log(`      MB after each round: ${sizes.map((size) => size.toFixed()).join(' ')}`);
    // A slow machine may come to nothing after that in a time.
    const [settled = 0, ...later] = sizes.slice(SETTLED - 1);
    assert.ok(Math.max(settled, ...later) < settled + MAY_GROW, 'the memory grows');
    const pid = await daemonPid();
    await until(
      () => `${openDescriptors(pid)} descriptors become ${descriptors}`,
      async () => {
        // Each list of changes closes what was not used since the one before.
        await expectNoChanges();
        return openDescriptors(pid) <= descriptors;
      },
    );
  });

  async function rounds(
    part: typeof ENDED,
    between: readonly ((typeof interludes)[number] | (typeof ends)[number])[],
    after: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const goesOn = duration(part);
    for (const interlude of random.deal(between)) {
      if (!goesOn()) return;
      await work(random.pick(company));
      await perform(interlude);
      await after();
    }
  }

  /** Returns what tells whether there is another round. */
  function duration({ share, rounds }: typeof ENDED): () => boolean {
    if (SECONDS === undefined) return () => rounds-- > 0;
    const end = Date.now() + Number(SECONDS) * share * 1000;
    return () => Date.now() < end;
  }

  /** The same operations in the workspace and in the plain directory. */
  async function work(meanwhile: (typeof company)[number]): Promise<void> {
    note(`work with ${meanwhile}`);
    const seed = random.below(2 ** 31);
    let working = true;
    const isWorking = (): boolean => working;
    const inMount = crew.work(mount, seed, OPERATIONS).finally(() => (working = false));
    const forgetting = random.below(2) === 0 ? setInterval(forgetNames, FORGETS_EVERY) : undefined;
    void inMount.catch(() => undefined).finally(() => clearInterval(forgetting));
    while (meanwhile !== 'nothing' && isWorking()) {
      if (meanwhile === 'commit') await commitBusily();
      else await sandbox().cowspace.discard('a');
    }
    const outcomes = await inMount;
    if (meanwhile === 'discard') await discard();
    else {
      assert.deepEqual(outcomes, await crew.work(plain, seed, OPERATIONS));
      compare(mount);
    }
  }

  /** Nobody but commits changes the base: all that may be in their way is what the processes do meanwhile. */
  async function commitBusily(): Promise<void> {
    const { conflicts } = await sandbox().cowspace.commit('a');
    const others = conflicts.filter(({ reason }) => !reason.endsWith('while it was committed'));
    assert.deepEqual(others, []);
  }

  async function perform(interlude: (typeof interludes)[number] | (typeof ends)[number]): Promise<void> {
    note(interlude);
    switch (interlude) {
      case 'nothing':
        return;
      case 'commit':
        await commit();
        break;
      case 'discard':
        await discard();
        break;
      case 'undo': {
        const { undoId } = await sandbox().cowspace.discard('a');
        if (undoId !== undefined) await sandbox().cowspace.json(['undo', 'a']);
        break;
      }
      case 'remount':
        await sandbox().cowspace.json(['unmount', 'a']);
        await sandbox().cowspace.mount('a');
        break;
      case 'kill':
        await killDaemon();
        break;
      case 'kill in commit':
        await killInCommit(
          random.below(MOST_IN_COMMIT),
          SECONDS === undefined ? 0 : random.below(MOST_BEFORE_KILL),
        );
        compare(mount);
        await commit();
        break;
    }
    compare(mount);
  }

  async function commit(): Promise<void> {
    const { conflicts } = await sandbox().cowspace.commit('a');
    assert.deepEqual(conflicts, []);
    await expectNoChanges();
    compare(base);
  }

  async function discard(): Promise<void> {
    await sandbox().cowspace.discard('a');
    discarded = true;
    await expectNoChanges();
    rmSync(plain, { recursive: true });
    await copyBase();
    compare(mount);
  }

  async function expectNoChanges(): Promise<void> {
    assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
  }

  /** Leaves nothing in the workspace and its base, so that the kernel forgets all of it. */
  async function clear(): Promise<void> {
    for (let i = 0; i < PROCESSES; i++) {
      for (const root of [mount, plain]) {
        const directory = join(root, String(i));
        for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
      }
    }
    await commit();
  }

  function compare(root: string): void {
    const [is, shouldBe] = [content(root), content(plain)];
    assert.deepEqual(is.entries, shouldBe.entries);
    const wrong = [...shouldBe.links].filter(([path, count]) => !isRight(is.links.get(path)!, count));
    assert.deepEqual(new Map(wrong.map(([path]) => [path, is.links.get(path)])), new Map(wrong));
    function isRight(count: number, expected: number): boolean {
      // A file counts the names that were discarded, as long as that can be undone.
      return root === mount && discarded ? count >= expected : count === expected;
    }
  }

  function copyBase(): Promise<string> {
    return runChecked('cp', ['-a', base, plain]);
  }

  /** @param before ends when it is time */
  async function killDaemon(before: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    // What the kernel has not written back dies with the daemon, as with a disk that is pulled out.
    await runChecked('sync', ['--file-system', mount]);
    const pid = await daemonPid();
    await before();
    process.kill(pid, 'SIGKILL');
    await untilEnded([pid]);
    await sandbox().cowspace.mount('a');
    // The first list of changes puts link counts right that a crash in a commit left too high.
    await sandbox().cowspace.status('a');
  }

  /**
   * The daemon is not stopped at the change, which this process hears of a little later: the moment of the kill is nearly,
   * but not quite the same every time.
   *
   * @param changes in the base and the scratch
   * @param milliseconds after these
   */
  async function killInCommit(changes: number, milliseconds: number): Promise<void> {
    const home = findHome(sandbox().cowspace.environment);
    const client = await DaemonClient.connect(socketPath(home, 'a'));
    await killDaemon(async () => {
      await untilChanged([base, scratch], changes, async () => {
        await client.request(methods.commit, {});
        note('commit ended before the kill');
      });
      await delay(milliseconds);
    });
    client.dispose();
  }

  async function settledDescriptors(): Promise<number> {
    const pid = await daemonPid();
    let before = -1;
    return until('descriptors stay', async () => {
      const now = openDescriptors(pid);
      const stays = now === before;
      before = now;
      await delay(200);
      return stays && now;
    });
  }

  async function daemonPid(): Promise<number> {
    return (await sandbox().cowspace.list())[0]!.pid!;
  }

  function note(what: string): void {
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
});

/** As when memory is short. Only root can make it so. */
function forgetNames(): void {
  if (process.getuid!() === 0) writeFileSync('/proc/sys/vm/drop_caches', '2');
}
