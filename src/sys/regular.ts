import { E } from './errno';
import {
  close,
  fsync,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openAt,
  pread,
  pwriteAll,
  renameAt,
  unlinkAt,
} from './file';
import { S_IFREG, Stat, statFd } from './stat';

const stat = new Stat();

/**
 * Opens a regular file below a directory, and nothing else: what was put in its place (a symbolic link, or a pipe, whose
 * opening waits for somebody at its other end) is refused. Returns a descriptor or a negative errno, -EINVAL for
 * something that is no regular file.
 *
 * @param open how, {@link openAt} or `openQuietly`
 */
export function openRegular(
  dirFd: number,
  name: string,
  flags: number,
  open: (dirFd: number, name: string, flags: number) => number = openAt,
): number {
  const fd = open(dirFd, name, flags | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return fd;
  const result = statFd(fd, stat);
  if (result === 0 && stat.type === S_IFREG) return fd;
  close(fd);
  return result < 0 ? result : -E.EINVAL;
}

/** Reads a small regular file as a whole. Returns a negative errno, -EFBIG when it has more than `limit` bytes. */
export function readRegular(dirFd: number, name: string, limit: number): Buffer | number {
  const fd = openRegular(dirFd, name, O_RDONLY);
  if (fd < 0) return fd;
  try {
    if (stat.size > limit) return -E.EFBIG;
    const bytes = Buffer.alloc(stat.size);
    const length = pread(fd, bytes, bytes.length, 0);
    return length < 0 ? length : bytes.subarray(0, length);
  } finally {
    close(fd);
  }
}

/**
 * Puts a small regular file in the place of what has its name, in one step: it is written as NAME.new and renamed.
 * Returns 0 or a negative errno.
 *
 * @param durable whether its bytes are on the disk before the rename; the name is once the directory is synced
 */
export function replaceRegular(dirFd: number, name: string, bytes: Buffer, durable: boolean): number {
  const temporary = `${name}.new`;
  unlinkAt(dirFd, temporary);
  const fd = openAt(dirFd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  if (fd < 0) return fd;
  let result = pwriteAll(fd, bytes, bytes.length, 0);
  if (result === 0 && durable) result = fsync(fd);
  close(fd);
  return result < 0 ? result : renameAt(dirFd, temporary, dirFd, name);
}
