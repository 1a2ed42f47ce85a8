import * as z from 'zod';
import { conflictSchema, type Conflict } from './messages';

/** Why a request was refused; stable, scripts match on it. */
export const errorCodes = [
  /** The call itself is wrong. */
  'usage',
  'not-found',
  'exists',
  /** The permissions of a file forbid it. */
  'denied',
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
  /** This package of cowspace cannot work on this machine at all. */
  'incompatible',
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

/** An error as it travels between processes. */
export const errorMessageSchema = errorDataSchema.extend({ message: z.string() });
export type ErrorMessage = z.infer<typeof errorMessageSchema>;

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

/** Whatever was thrown, as an error with a code: a failed system call becomes `io`, what nobody foresaw `internal`. */
export function asCowspaceError(error: unknown): CowspaceError {
  if (error instanceof CowspaceError) return error;
  if (!(error instanceof Error)) return new CowspaceError('internal', String(error));
  const converted = new CowspaceError(isSystemError(error) ? 'io' : 'internal', error.message);
  if (error.stack !== undefined) converted.stack = error.stack;
  return converted;
}

export function isSystemError(error: unknown): error is Error & { code: string; errno: number } {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number';
}

/** Whether a system call failed for this reason, such as `ENOENT`. */
export function failedWith(error: unknown, ...codes: string[]): error is Error & { code: string } {
  return isSystemError(error) && codes.includes(error.code);
}

/** Whether somebody refused, and why. */
export function isRefusedWith(error: unknown, ...codes: ErrorCode[]): error is CowspaceError {
  return error instanceof CowspaceError && codes.includes(error.code);
}

export function toErrorMessage(error: unknown): ErrorMessage {
  const { code, message, path, conflicts } = asCowspaceError(error);
  return {
    code,
    message,
    ...(path !== undefined && { path }),
    ...(conflicts.length > 0 && { conflicts: [...conflicts] }),
  };
}

export function fromErrorMessage({ code, message, path, conflicts }: ErrorMessage): CowspaceError {
  return new CowspaceError(code, message, {
    ...(path !== undefined && { path }),
    ...(conflicts !== undefined && { conflicts }),
  });
}
