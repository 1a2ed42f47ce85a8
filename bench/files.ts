import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export const BLOCK = 4096;
export const MIB = 1 << 20;

/** Writes a file without holes. @param size bytes, a multiple of 1 MiB */
export function makeFile(path: string, size: number): void {
  const chunk = Buffer.alloc(MIB, 'base');
  withFile(path, 'w', (fd) => {
    for (let at = 0; at < size; at += MIB) writeSync(fd, chunk);
  });
}

/** Overwrites `count` blocks at random places, always the same ones. */
export function writeRandomBlocks(path: string, size: number, count: number): void {
  const block = Buffer.alloc(BLOCK, 'new');
  const blocks = size / BLOCK;
  let state = 1;
  withFile(path, 'r+', (fd) => {
    for (let i = 0; i < count; i++) {
      // A linear congruential generator with the multiplier of POSIX's drand48.
      state = Number((BigInt(state) * 0x5deece66dn + 11n) & 0xffffffffffffn);
      writeSync(fd, block, 0, BLOCK, Math.floor((state / 2 ** 48) * blocks) * BLOCK);
    }
  });
}

export function readWhole(path: string): void {
  const buffer = Buffer.allocUnsafe(MIB);
  withFile(path, 'r', (fd) => {
    while (readSync(fd, buffer) > 0);
  });
}

/** Opens a file, uses it and closes it: what is noted by whoever times this includes all three. */
export function withFile(path: string, flags: string, use: (fd: number) => void): void {
  const fd = openSync(path, flags);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}
