import { S_IFDIR, S_IFREG, type Stat } from '../../src/sys/stat';
import * as calls from './calls';
import { succeeds } from './calls';

/** Changes everything at and below a path and puts it back to what it was, so that a union keeps its own copy of it. */
export function changeAll(path: string): void {
  const stat = calls.lstat(path);
  if (stat.type === S_IFDIR) changeDirectory(path);
  // Writing would cost a program its capabilities.
  else if (
    stat.type === S_IFREG &&
    stat.size > 0 &&
    calls.getXattr(path, 'security.capability') === undefined
  )
    rewriteFirstByte(path);
  restoreTimes(path, stat);
}

function changeDirectory(path: string): void {
  for (const name of calls.list(path)) changeAll(`${path}/${name}`);
  const temporary = `${path}/temporary`;
  succeeds(calls.mkdir(temporary));
  succeeds(calls.rmdir(temporary));
}

function rewriteFirstByte(path: string): void {
  const fd = succeeds(calls.open(path, calls.O_RDWR));
  const byte = Buffer.alloc(1);
  succeeds(calls.pread(fd, byte, 1, 0));
  succeeds(calls.pwrite(fd, byte, 1, 0));
  calls.close(fd);
}

function restoreTimes(path: string, { atime, atimeNsec, mtime, mtimeNsec }: Stat): void {
  succeeds(calls.utimens(path, atime, atimeNsec, mtime, mtimeNsec));
}
