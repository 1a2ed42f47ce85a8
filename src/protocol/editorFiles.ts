import * as z from 'zod';
import { fileTypes, MAX_READ } from './messages';

/**
 * What an editor asks for in a workspace that is not mounted (driver `editor`). Paths are relative to the workspace;
 * symbolic links in them are followed, but not out of the workspace.
 */

export const pathParamsSchema = z.object({ path: z.string() });

export const editorStatSchema = z.object({
  /** Of what a symbolic link leads to; `symlink` for one that leads nowhere, or out of the workspace. */
  type: z.enum(fileTypes),
  /** Whether the path names a symbolic link. */
  link: z.boolean(),
  size: z.number(),
  /** Milliseconds since 1970. */
  mtime: z.number(),
  ctime: z.number(),
  /** Whether its permissions let the user write. */
  writable: z.boolean(),
});
export type EditorStat = z.infer<typeof editorStatSchema>;

export const editorEntrySchema = z.object({ name: z.string(), type: z.enum(fileTypes), link: z.boolean() });
export type EditorEntry = z.infer<typeof editorEntrySchema>;

export const editorReadParamsSchema = z.object({
  path: z.string(),
  offset: z.number().int().nonnegative(),
  length: z.number().int().nonnegative().max(MAX_READ),
});

export const editorWriteParamsSchema = z.object({
  path: z.string(),
  offset: z.number().int().nonnegative(),
  base64: z.base64(),
  /** Drops what the file held before. */
  truncate: z.boolean(),
  /** Makes the file when there is none. */
  create: z.boolean(),
  /** Takes a file that is there; else it is refused. */
  overwrite: z.boolean(),
});
export type EditorWriteOptions = Pick<
  z.infer<typeof editorWriteParamsSchema>,
  'truncate' | 'create' | 'overwrite'
>;

export const editorRemoveParamsSchema = z.object({ path: z.string(), recursive: z.boolean() });
export const editorRenameParamsSchema = z.object({
  from: z.string(),
  to: z.string(),
  overwrite: z.boolean(),
});

/** Most matches that one search finds. */
export const MAX_MATCHES = 1000;

export const editorSearchParamsSchema = z.object({
  text: z.string().min(1),
  matchCase: z.boolean(),
  /** Names of files and directories to leave out, wherever they are. */
  skip: z.array(z.string()),
});
export type EditorSearchParams = z.infer<typeof editorSearchParamsSchema>;

export const editorMatchSchema = z.object({
  path: z.string(),
  /** From 0. */
  line: z.number(),
  /** In UTF-16 units, from 0. */
  column: z.number(),
  length: z.number(),
  /** The line, or a part of a long one around the match. */
  preview: z.string(),
});
export type EditorMatch = z.infer<typeof editorMatchSchema>;
