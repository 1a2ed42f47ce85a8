import * as z from 'zod';

/**
 * Everything that travels between a daemon and its clients, as schemas: the types below are derived from them and
 * both sides validate with them. Paths are relative to the mount, `/`-separated, without a leading slash.
 */

/** Raised when a message changes in a way that an older peer would misread. */
export const PROTOCOL_VERSION = 1;

export const changeKinds = ['changed', 'created', 'whiteout', 'renamed', 'metadata'] as const;
export const fileTypes = ['file', 'directory', 'symlink', 'fifo', 'socket', 'char', 'block'] as const;

export const changeSchema = z.object({
  path: z.string(),
  /** Where a renamed entry was. */
  from: z.string().optional(),
  kind: z.enum(changeKinds),
  type: z.enum(fileTypes),
  /** Bytes of the file as the mount shows it; of a whiteout: of the base file it hides. */
  size: z.number(),
  /** Bytes that the scratch holds for it. */
  storedBytes: z.number(),
  /** When the contents that the mount shows were last written, in milliseconds since 1970; of whiteouts and directories: 0. */
  mtime: z.number(),
  /** Why its contents cannot be had, as part of a sentence; absent when all is well. Discarding it helps. */
  damage: z.string().optional(),
});
export type Change = z.infer<typeof changeSchema>;
export type ChangeKind = Change['kind'];
export type FileType = Change['type'];

export const totalsSchema = z.object({
  changed: z.number(),
  created: z.number(),
  whiteout: z.number(),
  renamed: z.number(),
  metadata: z.number(),
  storedBytes: z.number(),
});
export type Totals = z.infer<typeof totalsSchema>;

export const changeListSchema = z.object({
  /** Grows with every change of the list. */
  revision: z.number(),
  changes: z.array(changeSchema),
  totals: totalsSchema,
});
export type ChangeList = z.infer<typeof changeListSchema>;

/** What became of the list since `revision - 1`; a client that missed a revision asks for the whole list. */
export const changeDeltaSchema = z.object({
  revision: z.number(),
  upserted: z.array(changeSchema),
  removed: z.array(z.string()),
  totals: totalsSchema,
});
export type ChangeDelta = z.infer<typeof changeDeltaSchema>;

/** A file whose contents cannot be had, and why, as part of a sentence. */
export const damageSchema = z.object({ path: z.string(), reason: z.string() });
export type Damage = z.infer<typeof damageSchema>;

/** `editor`: no mount; the files are there in the editor alone. */
export const driverNames = ['kernel', 'fuse-native', 'editor'] as const;
export type DriverName = (typeof driverNames)[number];

export const workspaceInfoSchema = z.object({
  name: z.string(),
  bases: z.array(z.string()),
  mount: z.string(),
  scratch: z.string(),
  driver: z.enum(driverNames),
  pid: z.number().nullable(),
  /** With the driver `editor`: whether its daemon runs. */
  mounted: z.boolean(),
  storedBytes: z.number(),
});
export type WorkspaceInfo = z.infer<typeof workspaceInfoSchema>;

/** What a commit does to the base, or a discard to the scratch, for one path; in the order it is done. */
export const planItemSchema = z.object({
  path: z.string(),
  from: z.string().optional(),
  kind: z.enum(changeKinds),
  type: z.enum(fileTypes),
  size: z.number(),
});
export type PlanItem = z.infer<typeof planItemSchema>;

export const conflictSchema = z.object({
  path: z.string(),
  /** Why, as a sentence for people. */
  reason: z.string(),
});
export type Conflict = z.infer<typeof conflictSchema>;

export const commitParamsSchema = z.object({
  /** Absent: everything. A directory stands for all below it. */
  paths: z.array(z.string()).optional(),
  dryRun: z.boolean().optional(),
  skipConflicts: z.boolean().optional(),
});
export type CommitParams = z.infer<typeof commitParamsSchema>;

export const commitResultSchema = z.object({
  /** Done; with `dryRun`: what would be done. */
  items: z.array(planItemSchema),
  /** Left out because the base moved (only with `skipConflicts` or `dryRun`, else the commit fails as a whole). */
  conflicts: z.array(conflictSchema),
});
export type CommitResult = z.infer<typeof commitResultSchema>;

export const discardParamsSchema = z.object({
  paths: z.array(z.string()).optional(),
  dryRun: z.boolean().optional(),
});
export type DiscardParams = z.infer<typeof discardParamsSchema>;

export const discardResultSchema = z.object({
  items: z.array(planItemSchema),
  /** Hand to `discard/undo` to get it back; absent when nothing was discarded. */
  undoId: z.string().optional(),
});
export type DiscardResult = z.infer<typeof discardResultSchema>;

export const diffParamsSchema = z.object({ paths: z.array(z.string()).optional() });
export const fileDiffSchema = z.object({
  path: z.string(),
  from: z.string().optional(),
  kind: z.enum(changeKinds),
  /** Unified diff of a text file; absent for other things. */
  patch: z.string().optional(),
  /** Why there is no patch: binary, too large, a directory… */
  note: z.string().optional(),
  /** True where there is no patch, but `blocks/ranges` tells which bytes differ. */
  ranged: z.boolean().optional(),
});
export type FileDiff = z.infer<typeof fileDiffSchema>;
export const diffResultSchema = z.object({ files: z.array(fileDiffSchema) });
export type DiffResult = z.infer<typeof diffResultSchema>;

export const sideSchema = z.enum(['base', 'scratch']);
/** `base`: the file as it was, also for a renamed one; `scratch`: as the mount shows it. */
export type Side = z.infer<typeof sideSchema>;

export const statParamsSchema = z.object({ path: z.string(), side: sideSchema });
export const statResultSchema = z.object({
  type: z.enum(fileTypes),
  size: z.number(),
  /** Milliseconds since 1970. */
  mtime: z.number(),
  mode: z.number(),
  /** Where the bytes lie on disk; absent where no single file holds them. */
  diskPath: z.string().optional(),
});
export type StatResult = z.infer<typeof statResultSchema>;

/** Most bytes that one answer carries. */
export const MAX_READ = 1 << 20;

export const readParamsSchema = z.object({
  path: z.string(),
  side: sideSchema,
  offset: z.number().int().nonnegative(),
  length: z.number().int().nonnegative().max(MAX_READ),
});
export const readResultSchema = z.object({ base64: z.string(), eof: z.boolean() });

export const helloParamsSchema = z.object({ protocolVersion: z.number(), client: z.string() });
export const helloResultSchema = z.object({ protocolVersion: z.number(), pid: z.number() });

export const shutdownParamsSchema = z.object({
  /** Unmount although programs use the mount (they get ENOTCONN). */
  force: z.boolean().optional(),
});
export const shutdownResultSchema = z.object({ stopped: z.boolean() });

export const progressSchema = z.object({
  /** Steps done and in all; bytes where `unit` says so. */
  done: z.number(),
  total: z.number(),
  path: z.string().optional(),
});
export type Progress = z.infer<typeof progressSchema>;

/** Most ranges that one answer carries. */
export const MAX_RANGES = 1000;

export const byteRangeSchema = z.object({
  offset: z.number().int().nonnegative(),
  length: z.number().int().positive(),
});
export type ByteRange = z.infer<typeof byteRangeSchema>;

export const rangesParamsSchema = z.object({
  path: z.string(),
  /** Where to begin, bytes. */
  offset: z.number().int().nonnegative().default(0),
  limit: z.number().int().positive().max(MAX_RANGES).default(MAX_RANGES),
});
/** A page of a file's changed ranges, in order, exact to the byte; neighbours less than 64 bytes apart are one. */
export const rangePageSchema = z.object({
  ranges: z.array(byteRangeSchema),
  /** The offset to ask from for more; null at the end. */
  next: z.number().nullable(),
  /** Bytes of the file as the mount shows it, and of its base (0: it has none). */
  size: z.number(),
  baseSize: z.number(),
});
export type RangePage = z.infer<typeof rangePageSchema>;

export const summaryParamsSchema = z.object({
  path: z.string(),
  offset: z.number().int().nonnegative(),
  length: z.number().int().positive(),
  cells: z.number().int().positive().max(65536),
});
/** Changed bytes by equal parts of a stretch, as the block map has them. */
export const blockSummarySchema = z.object({
  /** Bytes of one part. */
  span: z.number(),
  cells: z.array(z.number()),
  size: z.number(),
  baseSize: z.number(),
});
export type BlockSummary = z.infer<typeof blockSummarySchema>;

export const discardRangeParamsSchema = z.object({ path: z.string(), range: byteRangeSchema });
