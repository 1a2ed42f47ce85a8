import type { Engine } from '../core/engine';
import type { Job } from '../core/job';
import { EditorFiles } from '../driver/editor/editorFiles';
import { search } from '../driver/editor/search';
import type { ChangeList } from '../protocol/messages';
import type { EngineCallName, EngineCalls } from './engineMessages';

/** What the engine's thread does for each call. */
export type EngineJobs = {
  readonly [N in EngineCallName]: (...args: Parameters<EngineCalls[N]>) => Job<ReturnType<EngineCalls[N]>>;
};

/** What only looks, at one place, need not wait for a commit that is under way. */
const SHORT: ReadonlySet<EngineCallName> = new Set([
  'stat',
  'read',
  'editorStat',
  'editorList',
  'editorRead',
  'editorWrite',
  'editorMakeDirectory',
]);

export function isShort(name: EngineCallName): boolean {
  return SHORT.has(name);
}

/** Begins what a call asks for. */
export function startJob(jobs: EngineJobs, name: EngineCallName, args: unknown[]): Job<unknown> {
  // The sender's own type, `EngineCalls`, says that these arguments belong to that name.
  return (jobs[name] as (...args: unknown[]) => Job<unknown>)(...args);
}

/* eslint-disable require-yield -- what is short enough to be done at once is a job of one step */
/** @param tell tells what became of the list of changes: a list contains what was told, nothing newer */
export function engineJobs(engine: Engine, tell: () => void): EngineJobs {
  function* changes(): Job<ChangeList> {
    yield* engine.changes.update();
    tell();
    return engine.changes.list();
  }
  const files = new EditorFiles(engine);
  return {
    changes,
    commit: (params) => engine.commit(params),
    discard: (params) => engine.discard(params),
    undoDiscard: (undoId) => engine.undoDiscard(undoId),
    *refresh() {
      yield* engine.refresh();
      return yield* changes();
    },
    ranges: (path, offset, limit) => engine.changedRanges(path, offset, limit),
    blockSummary: (path, offset, length, cells) => engine.blockSummary(path, offset, length, cells),
    discardRange: (path, { offset, length }) => engine.discardRange(path, offset, length),
    verify: () => engine.verify(),
    *stat(path, side) {
      return engine.stat(path, side);
    },
    *read(path, side, offset, length) {
      return engine.readSide(path, side, offset, length);
    },
    *storedBytes() {
      yield* engine.changes.update();
      return engine.storedBytes();
    },
    *editorStat(path) {
      return files.stat(path);
    },
    *editorList(path) {
      return files.list(path);
    },
    *editorRead(path, offset, length) {
      return files.read(path, offset, length);
    },
    *editorWrite(path, bytes, offset, options) {
      files.write(path, Buffer.from(bytes), offset, options);
    },
    *editorMakeDirectory(path) {
      files.makeDirectory(path);
    },
    editorRemove: (path, recursive) => files.remove(path, recursive),
    editorRename: (from, to, overwrite) => files.rename(from, to, overwrite),
    editorSearch: (params) => search(files, params),
  };
}
