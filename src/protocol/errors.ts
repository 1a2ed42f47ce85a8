import { z } from 'zod';
import { conflictSchema, type Conflict } from './messages';

/** Why a request was refused; stable, scripts match on it. */
export const errorCodes = [
  /** The call itself is wrong. */
  'usage',
  'not-found',
  'exists',
  /** The workspace is mounted by another daemon, or the scratch is locked. */
  'in-use',
  /** Programs use the mount. */
  'busy',
  'not-mounted',
  /** Base, scratch and mount may not lie within each other; the message says which. */
  'overlap',
  'not-empty',
  /** The scratch was made for other bases, or by a newer version. */
  'wrong-scratch',
  /** The base moved since copy-up. */
  'conflict',
  /** The machine lacks what the driver needs; the message says what to install. */
  'unsupported',
  'cancelled',
  /** A file-system error; the message starts with its errno name. */
  'io',
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export const errorDataSchema = z.object({
  code: z.enum(errorCodes),
  path: z.string().optional(),
  conflicts: z.array(conflictSchema).optional(),
});

/** An error that a person is meant to read: the message says what is wrong and what to do. */
export class CowspaceError extends Error {
  override readonly name = 'CowspaceError';
  readonly code: ErrorCode;
  readonly path: string | undefined;
  /** With code `conflict`: each path that moved. */
  readonly conflicts: readonly Conflict[];

  constructor(code: ErrorCode, message: string, details: { path?: string; conflicts?: Conflict[] } = {}) {
    super(message);
    this.code = code;
    this.path = details.path;
    this.conflicts = details.conflicts ?? [];
  }
}
