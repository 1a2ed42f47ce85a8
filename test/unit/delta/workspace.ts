import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Engine } from '../../../src/core/engine';
import type { Job } from '../../../src/core/job';
import type { Node } from '../../../src/core/node';
import { Stat } from '../../../src/sys/stat';

export const BLOCK = 4096;

/** Runs a job to its end. */
export function finish<R>(job: Job<R>): R {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}

/** Bytes that differ from block to block and within a block, and are never zero. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = 1 + ((i * 7 + (i >> 12) + seed) % 250);
  return bytes;
}

export interface WorkspacePlaces {
  /** How many bases. */
  readonly bases?: number;
  /** Directory in which the bases are made; default: the temporary one. */
  readonly below?: string;
  /** The same of the scratch; default: with the bases. */
  readonly scratchBelow?: string;
}

/** Bases and a scratch in a temporary directory, and the engine over them, without a mount. */
export class Workspace {
  readonly root: string;
  readonly bases: string[];
  readonly scratch: string;
  /** What the engine logged, a line each. */
  readonly log: string[] = [];
  #engine: Engine | undefined;

  constructor({ bases = 1, below = tmpdir(), scratchBelow }: WorkspacePlaces = {}) {
    this.root = mkdtempSync(join(below, 'cow-delta-'));
    this.bases = Array.from({ length: bases }, (_, i) => join(this.root, `base${i}`));
    for (const base of this.bases) mkdirSync(base);
    const parent = scratchBelow === undefined ? this.root : mkdtempSync(join(scratchBelow, 'cow-delta-'));
    this.scratch = join(parent, 'scratch');
  }

  /** A path in the first base. */
  base(name: string): string {
    return join(this.bases[0]!, name);
  }

  /** A path in the scratch's upper tree. */
  upper(name: string): string {
    return join(this.scratch, 'upper', name);
  }

  /** Paths of all block maps. */
  maps(): string[] {
    const folder = join(this.scratch, 'delta');
    return readdirSync(folder).map((name) => join(folder, name));
  }

  /** Opened when it is not. */
  get engine(): Engine {
    this.#engine ??= Engine.open({
      bases: this.bases,
      scratch: this.scratch,
      invalidator: { inode: () => undefined, entry: () => undefined },
      log: (_, message) => this.log.push(message),
      deltaThreshold: BLOCK,
    });
    return this.#engine;
  }

  /** As an unmount; the engine is opened again on its next use. */
  close(): void {
    this.#engine?.close();
    this.#engine = undefined;
  }

  /** @throws when there is no such file */
  node(path: string): Node {
    let node = this.engine.root;
    for (const name of path.split('/')) {
      const next = this.engine.lookup(node, name);
      if (next === null) throw new Error(`there is no ${path}`);
      node = next;
    }
    return node;
  }

  names(path = ''): string[] {
    const names: string[] = [];
    const dir = path === '' ? this.engine.root : this.node(path);
    this.engine.list(dir, 0, true, (name) => names.push(name) > 0);
    return names.sort();
  }

  size(path: string): number {
    const stat = new Stat();
    this.engine.getattr(this.node(path), stat);
    return stat.size;
  }

  read(path: string, offset = 0, length = this.size(path) - offset): Buffer {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, this.engine.read(this.node(path), bytes, length, offset));
  }

  write(path: string, bytes: Buffer, offset: number): void {
    const written = this.engine.write(this.node(path), bytes, bytes.length, offset);
    if (written !== bytes.length) throw new Error(`wrote ${written} of ${bytes.length} bytes`);
  }

  truncate(path: string, size: number): void {
    this.engine.setattr(this.node(path), { size });
  }

  /** The list of changes as `kind path`. */
  changes(): string[] {
    finish(this.engine.changes.update());
    return this.engine.changes.list().changes.map(({ kind, path }) => `${kind} ${path}`);
  }

  dispose(): void {
    this.close();
    for (const path of [this.root, dirname(this.scratch)]) rmSync(path, { recursive: true, force: true });
  }
}

/** Gives each test of the enclosing suite a workspace of its own. */
export function useWorkspace(places?: WorkspacePlaces): () => Workspace {
  let workspace: Workspace | undefined;
  beforeEach('make a workspace', () => {
    workspace = new Workspace(places);
  });
  afterEach('remove the workspace', () => {
    workspace?.dispose();
    workspace = undefined;
  });
  return () => workspace!;
}
