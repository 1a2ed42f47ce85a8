import { AppendLog } from './appendLog';
import { PathTree } from './pathTree';
import { isPlainPath } from './plainPath';

/** A name that a base file with several has in its base. */
export interface BaseName {
  readonly layer: number;
  /** Relative to the base's root. */
  readonly path: string;
}

/** What is known of such a name: the key of its inode, and whether the scratch has something in its place. */
interface Entry {
  readonly key: string;
  readonly covered: boolean;
}

const LOG = 'links';
/** Signs of records: the name is covered; it shows again; it is no name of that inode any more. */
const COVERED = '+';
const SHOWN = '-';
const GONE = 'x';

/**
 * The names of base files with several that the mount does not show as their base has them: they were removed,
 * renamed, or copied up. Link counts need their number, and nothing but reading a whole base would tell it after a
 * remount. So the scratch has a log of them, in which a name is before it is covered.
 */
export class CoveredNames {
  readonly #log: AppendLog;
  readonly #entries = new PathTree<Entry>();
  #size = 0;
  /** Places of covered names, by key. */
  readonly #covered = new Map<string, Set<string>>();
  /** Places to be looked at again. */
  readonly #doubted = new Set<string>();
  /** The name that the last record covers, which a crash may have left as it was. */
  readonly last: BaseName | null;

  /** @param rootFd the scratch */
  constructor(rootFd: number) {
    const { log, records: lines } = AppendLog.open(rootFd, LOG, '\0');
    this.#log = log;
    const records = lines.flatMap(decode);
    for (const { sign, key, place } of records) {
      if (sign === GONE) this.#set(place, undefined);
      else this.#set(place, { key, covered: sign === COVERED });
    }
    this.doubt();
    const last = records.at(-1);
    this.last = last?.sign === COVERED ? nameAt(last.place) : null;
    this.compact();
  }

  close(): void {
    this.#log.close();
  }

  /** How many names of the inode with this key are covered. */
  count(key: string): number {
    return this.#covered.get(key)?.size ?? 0;
  }

  /** The covered names of the inode with this key. */
  *names(key: string): Generator<BaseName> {
    for (const place of this.#covered.get(key) ?? []) yield nameAt(place);
  }

  /** The key of the inode that a name is known to be of. */
  keyOf(name: BaseName): string | undefined {
    return this.#entries.get(placeOf(name))?.key;
  }

  /** Books a name of the inode with this key as covered or shown. */
  book(key: string, name: BaseName, covered: boolean): void {
    const place = placeOf(name);
    const before = this.#entries.get(place);
    if (before?.key === key ? before.covered === covered : !covered && before === undefined) return;
    this.#log.append(encode(covered ? COVERED : SHOWN, key, place));
    this.#set(place, { key, covered });
  }

  /** Books that the base does not have the inode there any more. */
  forget({ layer, path }: BaseName): void {
    for (const [place, { key }] of [...this.#entries.entries(placeOf({ layer, path }))]) {
      this.#set(place, undefined);
      this.#log.append(encode(GONE, key, place));
    }
  }

  /** Follows a rename in one base. */
  move(from: BaseName, to: BaseName): void {
    const [old, now] = [placeOf(from), placeOf(to)];
    for (const [place, entry] of [...this.#entries.entries(old)]) {
      this.#log.append(encode(GONE, entry.key, place));
      this.#set(place, undefined);
      this.book(entry.key, nameAt(now + place.slice(old.length)), entry.covered);
    }
  }

  /** Has the names at and below a path (without one: all) looked at again, see {@link doubted}. */
  doubt(name?: BaseName): void {
    const at = name === undefined ? '' : placeOf(name);
    for (const [place] of this.#entries.entries(at)) this.#doubted.add(place);
  }

  /** As {@link book} for a name that may be shown or covered. */
  suspect(key: string, name: BaseName): void {
    if (this.keyOf(name) !== key) this.#set(placeOf(name), { key, covered: false });
    this.doubt(name);
  }

  get hasDoubts(): boolean {
    return this.#doubted.size > 0;
  }

  /** The names to be looked at again. Each is out of doubt when the next is asked for. */
  *doubted(): Generator<BaseName, void> {
    for (const place of this.#doubted) {
      yield nameAt(place);
      this.#doubted.delete(place);
    }
  }

  /** Makes the log durable. */
  sync(): void {
    this.#log.sync();
  }

  /** Shortens the log where it is worth it. */
  compact(): void {
    if (!this.#log.isLong(this.#size)) return;
    const names = [...this.#entries.entries()];
    this.#log.rewrite(
      names.map(([place, { key, covered }]) => encode(covered ? COVERED : SHOWN, key, place)),
    );
  }

  #set(place: string, entry: Entry | undefined): void {
    const before = this.#entries.get(place);
    this.#size += Number(entry !== undefined) - Number(before !== undefined);
    if (before?.covered) {
      const places = this.#covered.get(before.key);
      places?.delete(place);
      if (places?.size === 0) this.#covered.delete(before.key);
    }
    if (entry === undefined) {
      this.#entries.delete(place);
      this.#doubted.delete(place);
      return;
    }
    this.#entries.set(place, entry);
    if (!entry.covered) return;
    const places = this.#covered.get(entry.key);
    if (places === undefined) this.#covered.set(entry.key, new Set([place]));
    else places.add(place);
  }
}

function encode(sign: string, key: string, place: string): string {
  return `${sign}${key} ${place.slice(place.indexOf('/') + 1)}`;
}

const RECORD = /^([+x-])((\d+)-[0-9a-f]+(?:--?[0-9a-f]+)?) ([^]+)$/;

/** Whatever is no record is skipped: each is compared with the base before it counts for long. */
function decode(text: string): { sign: string; key: string; place: string }[] {
  const [, sign, key, layer, path] = RECORD.exec(text) ?? [];
  if (sign === undefined || key === undefined || path === undefined || !isPlainPath(path)) return [];
  return [{ sign, key, place: placeOf({ layer: Number(layer), path }) }];
}

function placeOf({ layer, path }: BaseName): string {
  return path === '' ? String(layer) : `${layer}/${path}`;
}

function nameAt(place: string): BaseName {
  const slash = place.indexOf('/');
  return { layer: Number.parseInt(place), path: slash < 0 ? '' : place.slice(slash + 1) };
}
