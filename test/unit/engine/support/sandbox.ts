import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine, type EngineOptions } from '../../../../src/core/engine';
import type { Job } from '../../../../src/core/job';
import { DiskTree } from './diskTree';
import { mergeImages, readImage, type Image } from './image';
import { MountTree } from './mountTree';

/** Where tests put their files: a file system in memory lets them run several times as many cases. */
export const testDirectory = process.env['COWSPACE_TEST_DIRECTORY'] ?? tmpdir();

/** A temporary directory with bases and a scratch, and the engine over them as long as it is open. */
export class EngineSandbox {
  readonly root: string;
  readonly bases: readonly string[];
  readonly scratch: string;
  /** Warnings and errors that the engine logged. */
  readonly log: string[] = [];
  #engine: Engine | undefined;
  #mount: MountTree | undefined;

  readonly #options: Partial<EngineOptions>;

  /** @param bases how many; they are made empty */
  constructor(bases = 1, options: Partial<EngineOptions> = {}) {
    this.#options = options;
    this.root = mkdtempSync(join(testDirectory, 'cow-engine-'));
    this.bases = Array.from({ length: bases }, (_, i) => this.directory(`base${i + 1}`));
    this.scratch = join(this.root, 'scratch');
  }

  /** Makes a directory and returns its absolute path. */
  directory(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  }

  /** Makes the scratch, before it is first opened, one on a file system that refuses whiteout devices. */
  presetXattrWhiteouts(): void {
    mkdirSync(this.scratch);
    const description = { format: 1, bases: this.bases, whiteouts: 'xattr' };
    writeFileSync(join(this.scratch, 'cowspace.json'), JSON.stringify(description));
  }

  get engine(): Engine {
    this.#engine ??= Engine.open({
      bases: this.bases,
      scratch: this.scratch,
      invalidator: {
        inode: (id, offset) => this.#mount?.inode(id, offset),
        entry: (parent, name) => this.#mount?.entry(parent, name),
      },
      log: (level, message) => this.log.push(`${level}: ${message}`),
      ...this.#options,
    });
    return this.#engine;
  }

  /** The workspace as users see it. */
  get mount(): MountTree {
    this.#mount ??= new MountTree(this.engine);
    return this.#mount;
  }

  /** Closes the engine; it opens again when it is next used. */
  close(): void {
    this.#engine?.close();
    this.#engine = undefined;
    this.#mount = undefined;
  }

  /** Forgets an engine that was killed; another opens when it is next used. */
  abandon(): void {
    this.#engine = undefined;
    this.#mount = undefined;
  }

  dispose(): void {
    this.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Takes a job to its end. @param between is called before each of its steps but the first */
  run<R>(job: Job<R>, between: () => void = () => undefined): R {
    for (;;) {
      const step = job.next();
      if (step.done === true) {
        this.mount.deliver();
        return step.value;
      }
      between();
    }
  }

  /** What somebody sees in the mount who looks for the first time. */
  coldView(): Image {
    const mount = new MountTree(this.engine);
    try {
      return readImage(mount);
    } finally {
      mount.dropCaches();
    }
  }

  /** The list of changes, brought up to date: kinds and paths. */
  listed(): string[] {
    const { changes } = this.engine;
    this.run(changes.update());
    return changes.list().changes.map(({ kind, path }) => `${kind} ${path}`);
  }

  /** What the bases have, one over the other. */
  baseImage(): Image {
    return mergeImages(this.bases.map((base) => withDisk(base, readImage)));
  }
}

/** Calls `use` with a plain directory's tree. */
export function withDisk<R>(path: string, use: (tree: DiskTree) => R): R {
  const tree = new DiskTree(path);
  try {
    return use(tree);
  } finally {
    tree.close();
  }
}
