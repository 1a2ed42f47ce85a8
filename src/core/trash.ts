import * as z from 'zod';
import { CowspaceError } from '../protocol/errors';
import { changeKinds, fileTypes, type PlanItem } from '../protocol/messages';
import { readDirectory } from '../sys/directory';
import { check, E, FsError } from '../sys/errno';
import {
  close,
  fdatasync,
  mkdirAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  openAt,
  pwriteAll,
  renameAt,
  unlinkAt,
} from '../sys/file';
import { readRegular } from '../sys/regular';
import { S_IFDIR, S_IFREG, Stat, statAt } from '../sys/stat';
import type { Job } from './job';
import { plainNameSchema, plainPathSchema } from './plainPath';
import { removeTree, type Scratch } from './scratch';

/** What is in a discard's folder, a line each. Without it, there is nothing to undo: the folder is made or deleted. */
const LIST = 'entries.jsonl';
/** The list's name while the folder is deleted. */
const ENDED = 'ended.jsonl';

/** How many discards can be undone; older ones are deleted for good. */
const KEPT = 10;
/** More than the list of a million entries has, bytes. */
const MAX_ENTRIES = 1 << 29;

const entrySchema = z.object({
  /** Name of what was discarded, in the folder of its discard. */
  name: plainNameSchema,
  /** Whether it is a whiteout. */
  whiteout: z.boolean(),
  /** Metadata of a directory that stayed: name of an empty directory that carries it. */
  metadata: z.boolean(),
  path: plainPathSchema,
  from: plainPathSchema.optional(),
  kind: z.enum(changeKinds),
  type: z.enum(fileTypes),
  size: z.number(),
});
export type TrashEntry = z.infer<typeof entrySchema>;

/** One discard's folder while it is being filled. */
export class TrashCan {
  readonly id: string;
  readonly dirFd: number;
  readonly #journal: number;
  #length = 0;
  #next = 0;

  constructor(scratch: Scratch, id: string) {
    this.id = id;
    check(mkdirAt(scratch.trashFd, id, 0o700), 'discard');
    this.dirFd = openTrash(scratch, id);
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    this.#journal = check(openAt(this.dirFd, LIST, flags, 0o600), 'discard');
  }

  /** Writes down what will be put under the returned name; before it is moved there. */
  add(item: PlanItem, details: { whiteout: boolean; metadata: boolean }): string {
    const name = String(this.#next++);
    const line = Buffer.from(`${JSON.stringify({ name, ...details, ...item } satisfies TrashEntry)}\n`);
    check(pwriteAll(this.#journal, line, line.length, this.#length), 'discard');
    this.#length += line.length;
    return name;
  }

  close(): void {
    fdatasync(this.#journal);
    close(this.#journal);
    close(this.dirFd);
  }
}

/** Starts a new discard and deletes those that are too old to be undone, or were being deleted. */
export function* newTrashCan(scratch: Scratch): Job<TrashCan> {
  const ids = trashIds(scratch);
  const kept = ids.filter((id) => isWhole(scratch, id)).slice(1 - KEPT);
  for (const id of ids) if (!kept.includes(id)) yield* deleteTrash(scratch, String(id));
  return new TrashCan(scratch, String((ids.at(-1) ?? 0) + 1));
}

/** Deletes what a discard put aside, for good. */
export function* deleteTrash(scratch: Scratch, id: string): Job<void> {
  const dirFd = openTrash(scratch, id);
  try {
    // From here on nobody can bring back what may be incomplete.
    const ended = renameAt(dirFd, LIST, dirFd, ENDED);
    if (ended !== -E.ENOENT) check(ended, 'discard');
    for (const { name, type } of yield* readList(scratch, id, ENDED)) {
      const isFile = type === 'file' && statAt(dirFd, name, stat) === 0;
      const map = isFile ? scratch.records.getSound(dirFd, name, S_IFREG, stat.ino)?.delta : null;
      const last = stat.nlink === 1;
      removeTree(dirFd, name);
      if (map != null && last) unlinkAt(scratch.deltaFd, map);
      yield undefined;
    }
  } finally {
    close(dirFd);
  }
  removeTree(scratch.trashFd, id);
}

const stat = new Stat();

function trashIds(scratch: Scratch): number[] {
  const names: string[] = [];
  check(
    readDirectory(scratch.trashFd, '', (name, _ino, type) => {
      if (type === S_IFDIR || type === 0) names.push(name);
    }),
    'trash',
  );
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function isWhole(scratch: Scratch, id: number): boolean {
  const dirFd = openTrash(scratch, String(id));
  const found = statAt(dirFd, LIST, stat) === 0;
  close(dirFd);
  return found;
}

/** Opens the folder of a discard; the caller closes it. @throws FsError */
export function openTrash(scratch: Scratch, id: string): number {
  return check(openAt(scratch.trashFd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW), 'trash');
}

/** The discard that was made last, of those that can be undone. @throws CowspaceError `not-found` */
export function lastDiscard(scratch: Scratch): string {
  const last = trashIds(scratch).findLast((id) => isWhole(scratch, id));
  if (last === undefined) throw new CowspaceError('not-found', 'There is no discard to undo.');
  return String(last);
}

/** What a discard put aside, in order. @throws CowspaceError `not-found` for one that is gone or never was */
export function* readTrash(scratch: Scratch, id: string): Job<TrashEntry[]> {
  const known = trashIds(scratch).includes(Number(id)) && isWhole(scratch, Number(id));
  if (!known) {
    throw new CowspaceError('not-found', `There is no discard ${id} to undo (the last ${KEPT} are kept).`);
  }
  return yield* readList(scratch, id, LIST);
}

function* readList(scratch: Scratch, id: string, file: string): Job<TrashEntry[]> {
  const text = readText(scratch, id, file);
  // A crash can cut the last line short: what it was to speak of had not moved yet.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const entries: TrashEntry[] = [];
  for (const line of whole.split('\n')) {
    if (line !== '') entries.push(entrySchema.parse(JSON.parse(line)));
    yield undefined;
  }
  return entries;
}

/** Empty for a list that is not there. */
function readText(scratch: Scratch, id: string, file: string): string {
  const dirFd = openTrash(scratch, id);
  try {
    const bytes = readRegular(dirFd, file, MAX_ENTRIES);
    if (bytes === -E.ENOENT) return '';
    if (typeof bytes === 'number') throw new FsError(-bytes, `reading what the discard ${id} put aside`);
    return bytes.toString();
  } finally {
    close(dirFd);
  }
}
