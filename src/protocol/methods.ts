import * as z from 'zod';
import * as e from './editorFiles';
import * as m from './messages';

/** A request: what goes in, what comes out. */
export interface Method<P extends z.ZodType, R extends z.ZodType> {
  readonly name: string;
  readonly params: P;
  readonly result: R;
}

function method<P extends z.ZodType, R extends z.ZodType>(name: string, params: P, result: R): Method<P, R> {
  return { name, params, result };
}

const none = z.object({});

/** The requests that a daemon answers. `commit` and `discard` report progress and can be cancelled. */
export const methods = {
  /** First on every connection; refused when the versions differ. */
  hello: method('hello', m.helloParamsSchema, m.helloResultSchema),
  info: method('workspace/info', none, m.workspaceInfoSchema),
  changes: method('changes/list', none, m.changeListSchema),
  /**
   * From now on this connection gets `changes/didChange`. Returns the list to start from, and tells nothing newer
   * before; deltas up to its revision are in it already. A client that missed a revision subscribes again.
   */
  subscribe: method('changes/subscribe', none, m.changeListSchema),
  commit: method('commit', m.commitParamsSchema, m.commitResultSchema),
  discard: method('discard', m.discardParamsSchema, m.discardResultSchema),
  /** Without an id: the last discard that is not undone. */
  undoDiscard: method('discard/undo', z.object({ undoId: z.string().optional() }), m.discardResultSchema),
  diff: method('diff', m.diffParamsSchema, m.diffResultSchema),
  stat: method('file/stat', m.statParamsSchema, m.statResultSchema.nullable()),
  read: method('file/read', m.readParamsSchema, m.readResultSchema),
  /** Which bytes of a file differ from its base's, page by page. */
  ranges: method('blocks/ranges', m.rangesParamsSchema, m.rangePageSchema),
  /** Where in a file they are, for a map of it. */
  blockSummary: method('blocks/summary', m.summaryParamsSchema, m.blockSummarySchema),
  /** Puts the base's bytes back into a part of a file. */
  discardRange: method('blocks/discard', m.discardRangeParamsSchema, none),
  /** Looks for files whose contents cannot be had. */
  verify: method('workspace/verify', none, z.array(m.damageSchema)),
  /** Looks at base and scratch anew, for changes that were not made through the mount. */
  refresh: method('refresh', none, m.changeListSchema),
  /** What is at a path; null for nothing. These are refused where the workspace is mounted. */
  editorStat: method('editor/stat', e.pathParamsSchema, e.editorStatSchema.nullable()),
  editorList: method('editor/list', e.pathParamsSchema, z.array(e.editorEntrySchema)),
  editorRead: method('editor/read', e.editorReadParamsSchema, m.readResultSchema),
  editorWrite: method('editor/write', e.editorWriteParamsSchema, none),
  editorMakeDirectory: method('editor/makeDirectory', e.pathParamsSchema, none),
  editorRemove: method('editor/remove', e.editorRemoveParamsSchema, none),
  editorRename: method('editor/rename', e.editorRenameParamsSchema, none),
  editorSearch: method('editor/search', e.editorSearchParamsSchema, z.array(e.editorMatchSchema)),
  shutdown: method('daemon/shutdown', m.shutdownParamsSchema, m.shutdownResultSchema),
} as const;

/** What a daemon tells without being asked. */
export const notifications = {
  didChange: { name: 'changes/didChange', params: m.changeDeltaSchema },
  /** The last message: the client shall hang up. */
  ending: { name: 'daemon/ending', params: none },
} as const;
