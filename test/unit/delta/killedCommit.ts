import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { projectDirectory } from '../../support/users';
import { BLOCK, finish, pattern, Workspace, type WorkspacePlaces } from './workspace';

const MIB = 1 << 20;
const SIZE = 16 * MIB + 123;
const CUT = SIZE - 5 * BLOCK - 7;
/** Where the base's file has a hole: behind the cut. */
const HOLE = { start: 16 * MIB - 3 * BLOCK, end: 16 * MIB - BLOCK };
/** What is written after it, some of it into that hole; each is a step of the commit. */
const REGROWN = [
  { start: HOLE.start + 100, end: HOLE.end - 100 },
  ...[2, 4, 6, 8].map((block) => ({ start: 16 * MIB + block * BLOCK, end: 16 * MIB + block * BLOCK + 5 })),
];
const program = join(projectDirectory, 'node_modules/.cache/cowspace/commitChild.js');

/** Builds the program that commits and is killed. */
export async function buildCommitter(): Promise<void> {
  await build({
    entryPoints: [join(__dirname, 'commitChild.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    external: ['koffi'],
    logLevel: 'error',
  });
}

/** Workspaces whose large file, changed in many places, is committed by processes that are killed. */
export class KilledCommit {
  readonly oldBytes = pattern(SIZE, 1);
  readonly newBytes: Buffer;
  workspace: Workspace;
  readonly #places: WorkspacePlaces;

  constructor(places: WorkspacePlaces = {}) {
    this.#places = places;
    this.workspace = new Workspace(places);
    this.oldBytes.fill(0, HOLE.start, HOLE.end);
    this.newBytes = Buffer.concat([this.oldBytes.subarray(0, CUT), Buffer.alloc(SIZE + 9 * BLOCK - CUT)]);
    for (const { start, end } of REGROWN) this.newBytes.fill(0xdd, start, end);
    for (let at = 0; at < CUT; at += 3 * MIB) this.newBytes.fill(0xcc, at, Math.min(at + MIB - 777, CUT));
  }

  dispose(): void {
    this.workspace.dispose();
  }

  /** Makes a workspace in which the file differs from its base's; unmounted then. */
  prepare(): void {
    this.workspace.dispose();
    const w = (this.workspace = new Workspace(this.#places));
    writeFileSync(w.base('file'), this.oldBytes.subarray(0, HOLE.start));
    truncateSync(w.base('file'), HOLE.end);
    appendFileSync(w.base('file'), this.oldBytes.subarray(HOLE.end));
    chmodSync(w.base('file'), 0o640);
    for (let at = 0; at < CUT; at += 3 * MIB) w.write('file', Buffer.alloc(MIB - 777, 0xcc), at);
    w.truncate('file', CUT);
    w.truncate('file', this.newBytes.length);
    for (const { start, end } of REGROWN) w.write('file', this.newBytes.subarray(start, end), start);
    w.engine.setattr(w.node('file'), { mode: 0o600 });
    w.engine.fsync(w.node('file'), false);
    w.close();
  }

  /** Begins a commit in a process that kills itself before a step; -1: before none. */
  start(step: number): ChildProcess {
    const { scratch, bases } = this.workspace;
    return fork(program, [scratch, bases[0]!, String(step)], {
      execArgv: [],
      env: { ...process.env, NODE_PATH: join(projectDirectory, 'node_modules') },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
  }

  /** Whatever the crash left is made good, and the commit can be done again. */
  verify(): void {
    const w = this.workspace;
    assert.deepEqual(w.names(), ['file']);
    const base = readFileSync(w.base('file'));
    assert.ok(base.equals(this.oldBytes) || base.equals(this.newBytes), 'the base file is torn');
    assert.ok(w.read('file').equals(this.newBytes), 'the file in the mount changed');
    assert.deepEqual(finish(w.engine.verify()), []);
    finish(w.engine.commit({}));
    assert.ok(readFileSync(w.base('file')).equals(this.newBytes), 'the second commit is not complete');
    assert.equal(statSync(w.base('file')).mode & 0o777, 0o600);
    assert.ok(w.read('file').equals(this.newBytes));
    assert.deepEqual(w.changes(), []);
    assert.deepEqual(readdirSync(join(w.scratch, 'undo')), []);
    assert.deepEqual(readdirSync(w.bases[0]!), ['file']);
    w.close();
  }

  /** @param every how many steps lie between two that are tried */
  async killAtSteps(every: number): Promise<void> {
    this.prepare();
    const steps = Number(await text(this.start(-1).stdout!));
    assert.ok(steps > 2 * every, `only ${steps} steps`);
    assert.deepEqual(this.workspace.maps(), []);
    this.verify();
    for (let step = 1; step < steps; step += every) {
      this.prepare();
      const [, signal] = (await once(this.start(step), 'exit')) as [number | null, string | null];
      assert.equal(signal, 'SIGKILL');
      this.verify();
    }
  }

  /** @param times how often the process is killed at a time that nobody chose */
  async killAtRandom(times: number): Promise<void> {
    const duration = await this.#killAfter(Infinity);
    for (let i = 0; i < times; i++) await this.#killAfter(Math.random() * duration);
  }

  /** @param delay milliseconds from the start of the commit. Returns how long the process worked */
  async #killAfter(delay: number): Promise<number> {
    this.prepare();
    const child = this.start(-1);
    const ended = once(child, 'exit');
    await once(child, 'message');
    const started = performance.now();
    await (delay === Infinity ? ended : sleep(delay));
    child.kill('SIGKILL');
    await ended;
    this.verify();
    return performance.now() - started;
  }
}
