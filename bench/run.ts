// npm run bench -- [--repetitions N] [--only TEXT] [--drivers]
// Prints a document in Markdown; progress goes to stderr.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChecked } from '../test/support/command';
import { forceUnmount, mountsBelow } from '../test/support/mounts';
import { machineFacts } from './machine';
import type { Peer, Places, Union } from './peer';
import { cowspace, cowspaceByFuseNative } from './peers/cowspace';
import { fuseOverlayfs } from './peers/fuseOverlayfs';
import { overlayfs } from './peers/overlayfs';
import { unionfsFuse } from './peers/unionfsFuse';
import { Results } from './results';
import type { Bench, Scenario } from './scenario';
import { database } from './scenarios/database';
import { largeFile } from './scenarios/largeFile';
import { newFiles } from './scenarios/newFiles';
import { repository } from './scenarios/repository';
import { sequentialRead } from './scenarios/sequentialRead';

const scenarios = [largeFile, database, sequentialRead, repository, newFiles];
const unions = [cowspace, overlayfs, fuseOverlayfs, unionfsFuse];
const drivers = [cowspace, cowspaceByFuseNative];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      repetitions: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      /** Cowspace's drivers with one another, in place of cowspace with others. */
      drivers: { type: 'boolean', default: false },
    },
  });
  const root = mkdtempSync(join(tmpdir(), 'cow-bench-'));
  try {
    const peers = await present(values.drivers ? drivers : unions);
    const names = peers.map(({ name }) => name);
    console.log(`${await machineFacts(root)}\n- medians of ${values.repetitions}; in brackets the spread`);
    for (const peer of peers) console.log(`- ${await peer.version()}`);
    for (const scenario of scenarios.filter(({ title }) => title.includes(values.only))) {
      const results = await measure(root, scenario, peers, Number(values.repetitions));
      console.log(`\n## ${scenario.title}\n\n${results.table(names)}`);
    }
  } finally {
    for (const mount of mountsBelow(root)) await forceUnmount(mount);
    rmSync(root, { recursive: true, force: true });
  }
}

/** Those that the machine has. */
async function present(peers: readonly Peer[]): Promise<Peer[]> {
  const found: Peer[] = [];
  for (const peer of peers) {
    try {
      await peer.version();
      found.push(peer);
    } catch (error) {
      note(`${peer.name} is left out: ${String(error)}`);
    }
  }
  return found;
}

/** The peers take turns, so that what else the machine does meets all of them alike. */
async function measure(
  root: string,
  scenario: Scenario,
  peers: readonly Peer[],
  repetitions: number,
): Promise<Results> {
  const results = new Results();
  const base = join(root, 'base');
  mkdirSync(base);
  await scenario.makeBase(base);
  for (let i = 0; i < repetitions; i++) {
    for (const peer of peers) {
      note(`${scenario.title}: ${i + 1} of ${repetitions}, ${peer.name}`);
      await runOnce(root, scenario, peer, results);
    }
  }
  rmSync(base, { recursive: true });
  return results;
}

async function runOnce(root: string, scenario: Scenario, peer: Peer, results: Results): Promise<void> {
  const directory = join(root, 'run');
  const places: Places = {
    base: join(root, 'base'),
    scratch: join(directory, 'scratch'),
    mount: join(directory, 'mount'),
    home: join(directory, 'home'),
  };
  for (const path of [places.scratch, places.mount, places.home]) mkdirSync(path, { recursive: true });
  const union = peer.union(places);
  await union.mount();
  try {
    await scenario.run(benchOf(peer, places, union, results));
  } finally {
    await union.unmount();
  }
  rmSync(directory, { recursive: true });
}

function benchOf(peer: Peer, places: Places, union: Union, results: Results): Bench {
  const remount = async (): Promise<void> => {
    await union.unmount();
    await union.mount();
  };
  return {
    mount: places.mount,
    remount,
    async makeCold() {
      await remount();
      await runChecked('sync');
      writeFileSync('/proc/sys/vm/drop_caches', '3');
    },
    async time(metric, work) {
      // What earlier work left to be written must not be in the way.
      await runChecked('sync');
      const start = performance.now();
      await work();
      results.add(peer.name, metric, 'ms', performance.now() - start);
    },
    async measureScratch(metric) {
      await runChecked('sync');
      const stdout = await runChecked('du', ['--summarize', '--block-size=1', places.scratch]);
      results.add(peer.name, metric, 'bytes', parseInt(stdout, 10));
    },
  };
}

function note(message: string): void {
  process.stderr.write(`${message}\n`);
}

void main();
