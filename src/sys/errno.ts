import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

/** Error numbers of this platform by name, as in `errno.h`. */
export const E = {
  ...constants.errno,
  /** Linux has one number for ENODATA and ENOATTR, and for EOPNOTSUPP and ENOTSUP. */
  ENOTSUP: constants.errno.EOPNOTSUPP,
  /** Not in Node's table: a stale file handle. */
  ESTALE: 116,
};

/** Node's own names lack some that file systems use. */
function errorName(errno: number): string {
  switch (errno) {
    case E.ESTALE:
      return 'ESTALE';
    case E.EDQUOT:
      return 'EDQUOT';
    default:
      return getSystemErrorName(-errno);
  }
}

/** A failed file-system operation: carries the error number that the caller of the file system shall see. */
export class FsError extends Error {
  override readonly name = 'FsError';
  /** Positive error number. */
  readonly errno: number;
  /** Its name, such as `ENOENT`. */
  readonly code: string;

  constructor(errno: number, what: string) {
    const code = errorName(errno);
    super(`${code}: ${what}`);
    this.errno = errno;
    this.code = code;
  }
}

/**
 * Turns the kernel's convention (a negative error number) into an exception.
 *
 * @param result what a function of `src/sys` returned
 * @param what names the operation in the error's message
 * @returns `result` when it is no error
 * @throws FsError
 */
export function check(result: number, what: string): number {
  if (result < 0) throw new FsError(-result, what);
  return result;
}
