import { toText } from '../sys/bytes';
import { E, FsError } from '../sys/errno';

/**
 * What the scratch keeps for a file cannot be believed. Users of the mount get EIO; a guess could be wrong bytes.
 */
export class DamageError extends FsError {
  /** What is wrong, as part of a sentence. */
  readonly reason: string;

  /** @param path byte path of the file */
  constructor(path: string, reason: string) {
    super(E.EIO, `${toText(path)}: ${reason}`);
    this.reason = reason;
  }
}
