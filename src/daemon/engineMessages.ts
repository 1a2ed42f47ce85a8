import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../core/engine';
import type { Invalidation } from '../driver/driver';
import type {
  EditorEntry,
  EditorMatch,
  EditorSearchParams,
  EditorStat,
  EditorWriteOptions,
} from '../protocol/editorFiles';
import type { ErrorMessage } from '../protocol/errors';
import type {
  BlockSummary,
  ByteRange,
  ChangeDelta,
  ChangeList,
  CommitParams,
  CommitResult,
  Damage,
  DiscardParams,
  DiscardResult,
  Progress,
  RangePage,
  Side,
  StatResult,
} from '../protocol/messages';

/** What travels between the daemon's main thread and the engine. */

/** What the main thread can ask of the engine. Paths are relative to the mount, as text. */
export interface EngineCalls {
  /** The changes up to this moment. */
  changes(): ChangeList;
  commit(params: CommitParams): CommitResult;
  discard(params: DiscardParams): DiscardResult;
  undoDiscard(undoId: string | undefined): DiscardResult;
  /** Looks at base and scratch anew. */
  refresh(): ChangeList;
  ranges(path: string, offset: number, limit: number): RangePage;
  blockSummary(path: string, offset: number, length: number, cells: number): BlockSummary;
  discardRange(path: string, range: ByteRange): void;
  verify(): Damage[];
  stat(path: string, side: Side): StatResult | null;
  read(path: string, side: Side, offset: number, length: number): Uint8Array;
  storedBytes(): number;
  editorStat(path: string): EditorStat | null;
  editorList(path: string): EditorEntry[];
  editorRead(path: string, offset: number, length: number): Uint8Array;
  editorWrite(path: string, bytes: Uint8Array, offset: number, options: EditorWriteOptions): void;
  editorMakeDirectory(path: string): void;
  editorRemove(path: string, recursive: boolean): void;
  editorRename(from: string, to: string, overwrite: boolean): void;
  editorSearch(params: EditorSearchParams): EditorMatch[];
}
export type EngineCallName = keyof EngineCalls;

/** What the engine works on. */
export interface EngineOptions {
  readonly bases: readonly string[];
  readonly scratch: string;
  /** Size in bytes from which on files are kept by block; null: none are. */
  readonly deltaThreshold: number | null;
}

/** What the engine's thread is started with. */
export interface EngineThreadData extends EngineOptions {
  /** Commands arrive here; after posting one the sender raises `wakeFd`. */
  readonly port: MessagePort;
  readonly wakeFd: number;
}

export type EngineCommand =
  | { readonly kind: 'call'; readonly id: number; readonly name: EngineCallName; readonly args: unknown[] }
  | { readonly kind: 'cancel'; readonly id: number }
  /** A `writeBack` is done. */
  | { readonly kind: 'writtenBack'; readonly id: number }
  /** Whether anybody wants to hear of changes as they happen. */
  | { readonly kind: 'watch'; readonly on: boolean };

/** What the engine's thread is told besides. */
export type ThreadCommand =
  | EngineCommand
  /**
   * Serve the mount whose `/dev/fuse` this is, or without one what the main thread asks for; the first command after
   * the start, if not `stop`.
   */
  | { readonly kind: 'serve'; readonly fd: number | null }
  /** End, although the mount may still be there. */
  | { readonly kind: 'stop' };

export type EngineEvent =
  | { readonly kind: 'opened' }
  | { readonly kind: 'failed'; readonly error: ErrorMessage }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: ErrorMessage }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'changed'; readonly delta: ChangeDelta }
  /** Comes before the answer of the call that made it necessary. */
  | { readonly kind: 'invalidate'; readonly list: Invalidation[] }
  /** Make the kernel write back what it holds of a file from `offset` on, then send `writtenBack`. */
  | { readonly kind: 'writeBack'; readonly id: number; readonly nodeId: number; readonly offset: number }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string }
  /** The mount is gone. */
  | { readonly kind: 'ended'; readonly storedBytes: number };
