import { formatPatch, structuredPatch, type StructuredPatch } from 'diff';
import type { FileType } from '../protocol/messages';

/** One side of a difference. */
export interface PatchSide {
  /** Relative to the mount. */
  readonly path: string;
  readonly type: FileType;
  readonly mode: number;
  /** Of a symbolic link: its target. */
  readonly text: string;
}

/** Milliseconds after which a difference that is hard to find is told as a replacement of all lines. */
const TIMEOUT = 500;
const CONTEXT = 3;
const SYMLINK_MODE = '120000';

/**
 * A patch as `git diff` writes it, which `git apply` takes; empty when a patch cannot say what differs.
 *
 * @param before null: it did not exist
 * @param after null: it does not exist any more
 */
export function gitPatch(before: PatchSide | null, after: PatchSide | null): string {
  if (before === null && after === null) return '';
  if (before === null || after === null) return formatPatch(oneSided(before, after));
  // Git knows no patch that makes a link out of a file.
  if (before.type !== after.type) return gitPatch(before, null) + gitPatch(null, after);
  const patch = twoSided(before, after);
  const differs = patch.hunks.length > 0 || patch.isRename === true || patch.newMode !== undefined;
  return differs ? formatPatch(patch) : '';
}

function oneSided(before: PatchSide | null, after: PatchSide | null): StructuredPatch {
  return {
    ...lines(before, after),
    isGit: true,
    ...(before !== null && { isDelete: true, oldMode: gitMode(before) }),
    ...(after !== null && { isCreate: true, newMode: gitMode(after) }),
  };
}

function twoSided(before: PatchSide, after: PatchSide): StructuredPatch {
  const [oldMode, newMode] = [gitMode(before), gitMode(after)];
  return {
    ...lines(before, after),
    isGit: true,
    isRename: before.path !== after.path,
    ...(oldMode !== newMode && { oldMode, newMode }),
  };
}

function lines(before: PatchSide | null, after: PatchSide | null): StructuredPatch {
  const oldName = before === null ? '/dev/null' : `a/${before.path}`;
  const newName = after === null ? '/dev/null' : `b/${after.path}`;
  const make = (oldText: string, newText: string, timeout: number): StructuredPatch | undefined =>
    structuredPatch(oldName, newName, oldText, newText, undefined, undefined, { context: CONTEXT, timeout });
  const [oldText, newText] = [before?.text ?? '', after?.text ?? ''];
  const patch = make(oldText, newText, TIMEOUT);
  if (patch !== undefined) return patch;
  // One side being empty, these take no search and are there at once.
  const removal = make(oldText, '', Infinity)!;
  const [removed] = removal.hunks;
  const [added] = make('', newText, Infinity)!.hunks;
  const hunk = {
    oldStart: 1,
    oldLines: removed!.oldLines,
    newStart: 1,
    newLines: added!.newLines,
    lines: [...removed!.lines, ...added!.lines],
  };
  return { ...removal, hunks: [hunk] };
}

function gitMode({ type, mode }: PatchSide): string {
  if (type === 'symlink') return SYMLINK_MODE;
  return (mode & 0o100) === 0 ? '100644' : '100755';
}
