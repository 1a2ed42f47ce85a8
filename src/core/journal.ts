import { join } from 'node:path';
import * as z from 'zod';
import { CowspaceError } from '../protocol/errors';
import { toBytes, toText } from '../sys/bytes';
import { check, E, FsError } from '../sys/errno';
import { fsync, unlinkAt } from '../sys/file';
import { readRegular, replaceRegular } from '../sys/regular';
import { plainPathSchema } from './plainPath';
import type { Scratch } from './scratch';

/** A rename inside the bases that the scratch's books must follow. Paths are byte strings. */
export interface BaseMove {
  /** The entry in the mount. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
  /** Where in the mount `from` showed before it was renamed. */
  readonly oldPath: string;
  /** `to` is not yet the entry's own place: it makes room for another. */
  readonly detour: boolean;
}

const moveSchema = z.object({
  path: plainPathSchema,
  from: plainPathSchema,
  to: plainPathSchema,
  oldPath: plainPathSchema,
  detour: z.boolean(),
});

const NAME = 'commit.json';
/** Four paths, as JSON may write them. */
const MAX_SIZE = 1 << 20;

/** The one step of a commit that two file systems must take together; a crash between them is made good from here. */
export class CommitJournal {
  readonly #scratch: Scratch;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** Says durably what is about to happen. */
  begin(move: BaseMove): void {
    const text = {
      ...move,
      path: toText(move.path),
      from: toText(move.from),
      to: toText(move.to),
      oldPath: toText(move.oldPath),
    };
    const bytes = Buffer.from(JSON.stringify(text));
    const { rootFd } = this.#scratch;
    check(replaceRegular(rootFd, NAME, bytes, true), NAME);
    check(fsync(rootFd), NAME);
  }

  /** Says that it happened. */
  end(): void {
    unlinkAt(this.#scratch.rootFd, NAME);
  }

  /** What a crash interrupted; null for nothing. @throws CowspaceError `wrong-scratch` */
  read(): BaseMove | null {
    const bytes = readRegular(this.#scratch.rootFd, NAME, MAX_SIZE);
    if (bytes === -E.ENOENT) return null;
    if (typeof bytes === 'number') throw this.#damaged(new FsError(-bytes, 'it cannot be read').message);
    const move = this.#parse(bytes.toString());
    return {
      path: toBytes(move.path),
      from: toBytes(move.from),
      to: toBytes(move.to),
      oldPath: toBytes(move.oldPath),
      detour: move.detour,
    };
  }

  #parse(text: string): z.infer<typeof moveSchema> {
    try {
      return moveSchema.parse(JSON.parse(text));
    } catch (error) {
      throw this.#damaged(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
    }
  }

  #damaged(reason: string): CowspaceError {
    const path = join(this.#scratch.path, NAME);
    return new CowspaceError('wrong-scratch', `${path} is damaged: ${reason}`, { path });
  }
}
