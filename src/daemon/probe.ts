import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ProbeResult } from '../protocol/launch';
import { toBytes } from '../sys/bytes';
import { check } from '../sys/errno';
import {
  AT_FDCWD,
  ficlone,
  mknodAt,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  openAt,
  pwrite,
} from '../sys/file';
import { S_IFCHR } from '../sys/stat';
import { setXattrAt } from '../sys/xattr';

/** Finds out what the file system of a folder can do, by trying it in there. */
export function probe(directory: string): ProbeResult {
  const place = mkdtempSync(join(directory, '.probe-'));
  try {
    const dir = check(openAt(AT_FDCWD, toBytes(place), O_RDONLY | O_DIRECTORY), place);
    const file = check(openAt(dir, 'file', O_RDWR | O_CREAT, 0o600), place);
    const copy = check(openAt(dir, 'copy', O_RDWR | O_CREAT, 0o600), place);
    const block = Buffer.alloc(4096);
    check(pwrite(file, block, block.length, 0), place);
    return {
      xattrs: setXattrAt(dir, 'file', 'user.cowspace.probe', block.subarray(0, 1)) === 0,
      deviceWhiteouts: mknodAt(dir, 'whiteout', S_IFCHR, 0) === 0,
      reflinks: ficlone(file, copy) === 0,
    };
  } finally {
    rmSync(place, { recursive: true });
  }
}
