import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/** Beyond the size from which on files are kept by block. */
const LARGE = 3 << 20;

type Operation = (root: string, random: Random) => void;

/**
 * All depend on nothing but what the tree holds and on the random numbers. No two files become equal: one that replaced
 * its like is no change, so a commit leaves the names of both as they were.
 */
const operations: readonly Operation[] = [
  (root, random) => mkdirSync(place(root, random)),
  (root, random) => writeFileSync(place(root, random), bytes(random, 10 + random.below(20_000))),
  (root, random) => writeFileSync(place(root, random), bytes(random, 10 + random.below(20_000))),
  (root, random) => appendFileSync(place(root, random), bytes(random, random.below(9_000))),
  (root, random) =>
    withFile(place(root, random), 'r+', (fd) =>
      writeSync(fd, bytes(random, 5_000), 0, 5_000, random.below(LARGE)),
    ),
  (root, random) => withFile(place(root, random), 'r+', (fd) => ftruncateSync(fd, random.below(LARGE))),
  (root, random) => withFile(place(root, random), 'r+', (fd) => fsyncSync(fd)),
  (root, random) => {
    const copy = place(root, random);
    copyFileSync(place(root, random), copy);
    appendFileSync(copy, bytes(random, 10));
  },
  (root, random) => unlinkSync(place(root, random)),
  (root, random) => rmdirSync(place(root, random)),
  (root, random) => {
    if (random.below(10) === 0) rmSync(place(root, random), { recursive: true });
  },
  (root, random) => renameSync(place(root, random), place(root, random)),
  (root, random) => renameSync(place(root, random), place(root, random)),
  (root, random) => linkSync(place(root, random), place(root, random)),
  (root, random) => symlinkSync(String(random.below(1e9)), place(root, random)),
  (root, random) => chmodSync(place(root, random), 0o600 + random.below(0o100)),
  (root, random) => utimesSync(place(root, random), random.below(1e9), random.below(1e9)),
  (root, random) => void readFileSync(place(root, random)),
  (root, random) => void readdirSync(place(root, random)),
  (root, random) => void lstatSync(place(root, random)),
];

/** Does operations below a directory, and returns for each how it ended: the same in every sound file system. */
export function operate(root: string, random: Random, count: number): string[] {
  return Array.from({ length: count }, () => outcome(root, random));
}

function outcome(root: string, random: Random): string {
  const number = random.below(operations.length);
  try {
    operations[number]!(root, random);
    return `${number} ok`;
  } catch (error) {
    return `${number} ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  }
}

function place(root: string, random: Random): string {
  return join(root, ...Array.from({ length: 1 + random.below(3) }, () => random.pick(NAMES)));
}

function bytes(random: Random, length: number): Buffer {
  return Buffer.alloc(length, `${random.below(1e9)} `);
}

function withFile(path: string, flags: string, use: (fd: number) => void): void {
  const fd = openSync(path, flags);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}
