import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { toBytes, toText } from '../sys/bytes';
import { readDirectory } from '../sys/directory';
import { check } from '../sys/errno';
import {
  close,
  fdatasync,
  fsync,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  openAt,
  openBeneath,
  pwriteAll,
  unlinkAt,
} from '../sys/file';
import { readRegular } from '../sys/regular';
import { parseJson } from './json';
import type { LayerDir } from './layer';
import { plainPathSchema } from './plainPath';
import { TEMPORARIES_JOURNAL } from './scratch';
import type { Union } from './union';

/** Bytes that a journal may have. */
const MAX_JOURNAL = 64 << 20;

/** A directory of a base in which entries of a prefix may stand. */
const placeSchema = z.object({
  layer: z.number().int().positive(),
  directory: z.union([z.literal(''), plainPathSchema]),
  prefix: z.string().regex(/^\.cowspace-commit-[0-9a-f]{16}-$/),
});
type Place = z.infer<typeof placeSchema>;

/**
 * Names under which a commit builds in a base what is then renamed to its place. The scratch knows durably in which
 * directories, so that nothing of the kind stays after a crash; by that it knows too that a commit was under way.
 */
export class Temporaries {
  readonly #union: Union;
  readonly #prefix = `.cowspace-commit-${randomBytes(8).toString('hex')}-`;
  readonly #noted = new Set<string>();
  #journalFd = -1;
  #length = 0;
  #next = 0;

  constructor(union: Union) {
    this.#union = union;
  }

  /** A name in a directory of a base that nothing there has. */
  name(dir: LayerDir): string {
    this.#note({ layer: dir.layer, directory: toText(dir.path), prefix: this.#prefix });
    return `${this.#prefix}${this.#next++}`;
  }

  /** Says that nothing of all that is left. */
  end(): void {
    if (this.#journalFd < 0) return;
    close(this.#journalFd);
    this.#journalFd = -1;
    forgetTemporaries(this.#union);
  }

  #note(place: Place): void {
    const line = `${JSON.stringify(place)}\n`;
    if (this.#noted.has(line)) return;
    this.begin();
    const bytes = Buffer.from(line);
    check(pwriteAll(this.#journalFd, bytes, bytes.length, this.#length), TEMPORARIES_JOURNAL);
    check(fdatasync(this.#journalFd), TEMPORARIES_JOURNAL);
    this.#length += bytes.length;
    this.#noted.add(line);
  }

  /** Says that a commit is under way, so that the next start looks what a crash left of it. */
  begin(): void {
    if (this.#journalFd >= 0) return;
    removeTemporaries(this.#union);
    const { rootFd } = this.#union.scratch;
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
    this.#journalFd = check(openAt(rootFd, TEMPORARIES_JOURNAL, flags, 0o600), TEMPORARIES_JOURNAL);
    check(fsync(rootFd), TEMPORARIES_JOURNAL);
  }
}

/** Removes what an interrupted commit was building in the bases. Returns whether there was one, until that is forgotten. */
export function removeTemporaries(u: Union): boolean {
  const places = readPlaces(u.scratch.rootFd);
  for (const place of places ?? []) removeFrom(u, place);
  return places !== null;
}

/** Says that nothing is left of what an interrupted commit was building. */
export function forgetTemporaries(u: Union): void {
  unlinkAt(u.scratch.rootFd, TEMPORARIES_JOURNAL);
}

/** Null when there is no journal. */
function readPlaces(rootFd: number): Place[] | null {
  const bytes = readRegular(rootFd, TEMPORARIES_JOURNAL, MAX_JOURNAL);
  if (typeof bytes === 'number') return null;
  // A crash can cut the last line short: nothing was built there yet.
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  return lines.flatMap((line) => placeSchema.safeParse(parseJson(line)).data ?? []);
}

function removeFrom(u: Union, { layer, directory, prefix }: Place): void {
  const base = u.layers[layer];
  if (base === undefined) return;
  const path = directory === '' ? '.' : toBytes(directory);
  const fd = openBeneath(u.dirFds.get(base.root), path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return;
  try {
    const left: string[] = [];
    readDirectory(fd, '', (name) => {
      if (name.startsWith(prefix)) left.push(name);
    });
    for (const name of left) unlinkAt(fd, name);
  } finally {
    close(fd);
  }
}
