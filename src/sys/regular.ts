import { E } from './errno';
import { close, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, openAt, pread } from './file';
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
