import { lstatSync, lutimesSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getXattr, open, pread, pwrite, O_RDWR } from './calls';
import { closeLeftOpen } from './calls';

/** Changes everything at and below a path and puts it back to what it was, so that a union keeps its own copy of it. */
export function changeAll(path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) changeDirectory(path);
  // Writing would cost a program its capabilities.
  else if (stat.isFile() && stat.size > 0 && getXattr(path, 'security.capability') === undefined)
    rewriteFirstByte(path);
  if (stat.isSymbolicLink()) lutimesSync(path, stat.atime, stat.mtime);
  else utimesSync(path, stat.atime, stat.mtime);
}

function changeDirectory(path: string): void {
  for (const name of readdirSync(path, 'latin1')) changeAll(join(path, name));
  const temporary = join(path, 'temporary');
  writeFileSync(temporary, '');
  rmSync(temporary);
}

function rewriteFirstByte(path: string): void {
  const fd = open(path, O_RDWR);
  const byte = Buffer.alloc(1);
  pread(fd, byte, 1, 0);
  pwrite(fd, byte, 1, 0);
  closeLeftOpen();
}
