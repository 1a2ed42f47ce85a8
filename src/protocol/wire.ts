import type { Socket } from 'node:net';
import {
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import * as z from 'zod';
import { CowspaceError, errorDataSchema, fromErrorMessage, toErrorMessage } from './errors';
import type { Progress } from './messages';

/**
 * How requests, errors and progress look on the wire: JSON-RPC 2.0 with the headers of the Language Server Protocol.
 * The parameters of a request are one object; `progressToken` in it asks for `$/progress` notifications.
 */

/** A connection over an open socket; it still has to listen. */
export function connectionOver(socket: Socket): MessageConnection {
  const reader = new StreamMessageReader(socket);
  // Its timer, which waits for the rest of a message, outlives the connection and would keep a process from ending.
  reader.partialMessageTimeout = 0;
  return createMessageConnection(reader, new StreamMessageWriter(socket));
}

export const cancelMethod = '$/cancelRequest';
export const progressMethod = '$/progress';
export const progressType = new ProgressType<Progress>();

export const progressTokenSchema = z.object({ progressToken: z.number().optional() });

/** The JSON-RPC code of every error whose `data` carries a code of ours. */
const APPLICATION_ERROR = -32000;

/** An error as the answer to a request. */
export function toResponseError(error: unknown): { code: number; message: string; data: object } {
  const { message, ...data } = toErrorMessage(error);
  return { code: APPLICATION_ERROR, message, data };
}

/** What a failed request means: the daemon's own error, or that there is no daemon any more. */
export function fromResponseError(error: unknown): CowspaceError {
  if (!(error instanceof ResponseError)) return closedError();
  const data = errorDataSchema.safeParse(error.data);
  if (data.success) return fromErrorMessage({ ...data.data, message: error.message });
  const { code } = error as ResponseError<unknown>;
  if (code === ErrorCodes.PendingResponseRejected || code === ErrorCodes.MessageWriteError)
    return closedError();
  return new CowspaceError('internal', error.message);
}

export function closedError(): CowspaceError {
  return new CowspaceError('not-mounted', 'The connection to the workspace was closed.');
}
