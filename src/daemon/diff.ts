import { CowspaceError } from '../protocol/errors';
import type { Change, DiffResult, FileDiff, FileType, Side, StatResult } from '../protocol/messages';
import { isWithin } from '../protocol/paths';
import type { EngineHost } from './engineHost';
import { gitPatch, type PatchSide } from './patch';

/** Largest file, in bytes, whose lines are compared. */
const MAX_FILE = 4 << 20;
/** Largest sum of all patches of one answer, in characters. */
const MAX_ANSWER = 64 << 20;
/** Most bytes that the engine reads at once. */
const CHUNK = 1 << 20;
/** Where Git looks for a NUL to tell binary files. */
const BINARY_CHECK = 8000;

type Engine = Pick<EngineHost, 'call' | 'flush'>;

/** Why there is no patch, instead of one. */
interface Note {
  readonly note: string;
  readonly type: FileType;
}

/**
 * Compares changed files with their bases.
 *
 * @param paths files and directories with all below, relative to the mount; undefined: all
 * @throws CowspaceError `cancelled`
 */
export async function diffChanges(
  engine: Engine,
  paths: string[] | undefined,
  signal: AbortSignal,
): Promise<DiffResult> {
  await engine.flush();
  const { changes } = await engine.call('changes', []);
  const files: FileDiff[] = [];
  let room = MAX_ANSWER;
  for (const change of changes) {
    if (paths !== undefined && !paths.some((path) => path === '' || isWithin(change.path, path))) continue;
    if (signal.aborted) throw new CowspaceError('cancelled', 'Cancelled.');
    const difference = await differenceOf(engine, change, room);
    if ('patch' in difference) room -= difference.patch.length;
    const { path, from, kind } = change;
    files.push({ path, ...(from !== undefined && { from }), kind, ...difference });
  }
  return { files };
}

async function differenceOf(
  engine: Engine,
  change: Change,
  room: number,
): Promise<{ patch: string } | { note: string; ranged?: boolean }> {
  const { path, kind, damage } = change;
  if (damage !== undefined) return { note: damage };
  const before = kind === 'created' ? null : await readSide(engine, change.from ?? path, path, 'base');
  const after = kind === 'whiteout' ? null : await readSide(engine, path, path, 'scratch');
  const ranged = before?.type === 'file' && after?.type === 'file';
  for (const side of [before, after]) if (side !== null && 'note' in side) return { note: side.note, ranged };
  const patch = gitPatch(before as PatchSide | null, after as PatchSide | null);
  if (patch.length > room) return { note: 'the answer would be too large; ask for fewer paths', ranged };
  return patch === '' ? { note: 'metadata' } : { patch };
}

async function readSide(
  engine: Engine,
  name: string,
  path: string,
  side: Side,
): Promise<PatchSide | Note | null> {
  const stat = await engine.call('stat', [path, side]);
  if (stat === null) return null;
  const note = whyNot(name, stat);
  const { type } = stat;
  if (note !== null) return { note, type };
  const bytes = await readAll(engine, path, side, stat.size);
  if (bytes.subarray(0, BINARY_CHECK).includes(0)) return { note: 'binary', type };
  try {
    return { path: name, type, mode: stat.mode, text: decoder.decode(bytes) };
  } catch {
    return { note: 'not UTF-8', type };
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function whyNot(name: string, stat: StatResult): string | null {
  if (stat.type !== 'file' && stat.type !== 'symlink') return stat.type;
  if (stat.size > MAX_FILE) return 'too large';
  return /\p{Surrogate}/u.test(name) ? 'the name is not UTF-8' : null;
}

async function readAll(engine: Engine, path: string, side: Side, size: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let offset = 0; offset < size;) {
    const chunk = await engine.call('read', [path, side, offset, Math.min(CHUNK, size - offset)]);
    if (chunk.length === 0) break;
    chunks.push(chunk);
    offset += chunk.length;
  }
  return Buffer.concat(chunks);
}
