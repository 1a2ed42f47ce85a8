import { readDirectory } from '../sys/directory';
import { check, E } from '../sys/errno';
import {
  chmodAt,
  chownAt,
  close,
  fchmod,
  fchown,
  fsync,
  futimens,
  linkAt,
  linkFd,
  mkdirAt,
  mknodAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  openAt,
  renameAt,
  symlinkAt,
  unlinkAt,
  utimensAt,
} from '../sys/file';
import { S_IFDIR, S_IFLNK, S_IFREG, Stat, statAt, statFd } from '../sys/stat';
import { BaseLinks } from './baseLinks';
import { type BasePlace, type BaseView, pathOf } from './baseView';
import { LayerDir } from './layer';
import type { CommitMark } from './commitTimes';
import type { BaseName } from './coveredNames';
import type { Job } from './job';
import { layerOf, linkKey } from './linkKeys';
import { removeTree } from './scratch';
import { Temporaries } from './temporaries';
import type { Union } from './union';
import { replaceXattrs } from './xattrCopy';

/** An entry of the scratch, by directory descriptor and name. */
export interface Source {
  readonly fd: number;
  readonly name: string;
  readonly stat: Stat;
}

/** A regular file of the base that is being written. */
export interface NewFile {
  readonly fd: number;
  readonly place: BasePlace;
  /** The name that it has before its own; with `named`, from the beginning. */
  readonly temporary: string;
  readonly named: boolean;
}

/**
 * Changes the bases, one entry at a time and each in one step: whoever reads the base sees the old entry or the new
 * one. Directories it changed are made durable by {@link flush}.
 */
export class BaseWriter {
  readonly #union: Union;
  readonly #bases: BaseView;
  readonly #unsynced = new Set<LayerDir>();
  readonly #temporaries: Temporaries;
  readonly links: BaseLinks;

  constructor(union: Union, bases: BaseView) {
    this.#union = union;
    this.#bases = bases;
    this.#temporaries = new Temporaries(union);
    this.links = new BaseLinks(union);
  }

  /**
   * Where an entry at a base path is to be written: over the one that is there, else in the first base, whose missing
   * directories are made like those of the base that has them.
   */
  place(basePath: string): BasePlace {
    const there = this.#bases.stat(basePath, new Stat());
    if (there !== null) return there;
    return this.placeIn(1, basePath);
  }

  /** As {@link place}, in a base of one's choice: a name of an inode that this one has. */
  placeIn(layer: number, basePath: string): BasePlace {
    const slash = basePath.lastIndexOf('/');
    const dir = this.#directoryIn(layer, slash < 0 ? '' : basePath.slice(0, slash));
    return { dir, name: basePath.slice(slash + 1) };
  }

  /** The directory of one base at a path, made when missing. */
  #directoryIn(layer: number, path: string): LayerDir {
    const found = this.#bases.directories(path).find((dir) => dir.layer === layer);
    if (found !== undefined) return found;
    const slash = path.lastIndexOf('/');
    const parent = this.#directoryIn(layer, slash < 0 ? '' : path.slice(0, slash));
    const name = path.slice(slash + 1);
    const model = this.#bases.directories(path)[0];
    const dir = new LayerDir(layer, parent, name);
    if (model !== undefined) this.#removeHidden(path, layer);
    check(mkdirAt(this.#fd(parent), name, 0o755), path);
    if (model !== undefined) {
      const stat = new Stat();
      check(statFd(this.#fd(model), stat), path);
      this.setMetadata({ dir: parent, name }, { fd: this.#fd(model), name: '.', stat });
    }
    this.#unsynced.add(parent);
    this.#bases.clear();
    this.#union.rebase();
    return dir;
  }

  /** Starts a regular file that has no place yet; the caller writes its bytes and closes its descriptor. */
  beginFile(place: BasePlace): NewFile {
    const dirFd = this.#fd(place.dir);
    const temporary = this.#temporaries.name(place.dir);
    const unnamed = openAt(dirFd, '.', O_TMPFILE | O_RDWR, 0o600);
    if (unnamed >= 0) return { fd: unnamed, place, temporary, named: false };
    const without = unnamed === -E.EOPNOTSUPP || unnamed === -E.EISDIR || unnamed === -E.ENOENT;
    if (!without) check(unnamed, place.name);
    const fd = check(openAt(dirFd, temporary, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600), place.name);
    return { fd, place, temporary, named: true };
  }

  /** Makes a new file durable and puts it in its place, over what is there. */
  finishFile({ fd, place, temporary, named }: NewFile, source: Source): void {
    const dirFd = this.#fd(place.dir);
    this.#setFileMetadata(fd, source);
    check(fsync(fd), place.name);
    if (!named) check(linkFd(fd, dirFd, temporary), place.name);
    try {
      this.#moveIn(place, temporary, S_IFREG);
      this.#note(place, 'written');
    } catch (error) {
      unlinkAt(dirFd, temporary);
      throw error;
    }
  }

  /** Forgets a new file. */
  abandonFile({ place, temporary, named }: NewFile): void {
    if (named) unlinkAt(this.#fd(place.dir), temporary);
  }

  /** Gives a file that was written in place the metadata of the source. */
  finishInPlace(fd: number, place: BasePlace, source: Source): void {
    this.#setFileMetadata(fd, source);
    this.#note(place, 'written');
    this.#unsynced.add(place.dir);
  }

  /** Makes a symbolic link, device, fifo or socket like the source. @param target of a symbolic link */
  writeSpecial(place: BasePlace, source: Source, target: string): void {
    const dirFd = this.#fd(place.dir);
    const temporary = this.#temporaries.name(place.dir);
    const { stat } = source;
    const made =
      stat.type === S_IFLNK
        ? symlinkAt(target, dirFd, temporary)
        : mknodAt(dirFd, temporary, stat.mode, stat.rdev);
    check(made, place.name);
    try {
      this.#putMetadata({ dir: place.dir, name: temporary }, source);
      this.#moveIn(place, temporary, stat.type);
      this.#note(place, 'written');
    } catch (error) {
      unlinkAt(dirFd, temporary);
      throw error;
    }
  }

  /** Makes one more name of a base file, in the same base; what would hide it goes. */
  writeLink(place: BasePlace, to: BasePlace): void {
    const dirFd = this.#fd(place.dir);
    const temporary = this.#temporaries.name(place.dir);
    const stat = new Stat();
    check(statAt(this.#fd(to.dir), to.name, stat), to.name);
    const mark = this.#markOfNames(to.dir.layer, stat);
    check(linkAt(this.#fd(to.dir), to.name, dirFd, temporary), place.name);
    this.#moveIn(place, temporary, S_IFREG);
    // A rename between two names of one inode does nothing and leaves both.
    unlinkAt(dirFd, temporary);
    this.#note(place, mark);
    for (const each of [to, place]) this.#suspect(each);
    for (const above of this.#bases.places(pathOf(place))) {
      if (above.dir.layer >= place.dir.layer) break;
      this.#removeTree(above);
      this.#unsynced.add(above.dir);
    }
  }

  /** Makes a directory, or keeps the one that is there. */
  writeDirectory(place: BasePlace, source: Source): void {
    const dirFd = this.#fd(place.dir);
    this.#removeOther(place, S_IFDIR);
    const made = mkdirAt(dirFd, place.name, 0o700);
    if (made !== -E.EEXIST) check(made, place.name);
    this.#unsynced.add(place.dir);
    this.setMetadata(place, source);
    this.#bases.clear();
  }

  /** Gives an entry of the base the owner, mode, attributes and times of the source. */
  setMetadata(place: BasePlace, source: Source): void {
    this.#putMetadata(place, source);
    this.#note(place, 'written');
    this.#unsynced.add(place.dir);
  }

  /** As {@link setMetadata}, for what gets its last time of change later, when it is renamed. */
  #putMetadata(place: BasePlace, source: Source): void {
    const dirFd = this.#fd(place.dir);
    const { stat } = source;
    const before = new Stat();
    this.#temporaries.begin();
    check(statAt(dirFd, place.name, before), place.name);
    // A change of owner takes the set-id bits away: after a crash before the mode is set, they would stay gone.
    if (before.uid !== stat.uid || before.gid !== stat.gid) {
      const owned = chownAt(dirFd, place.name, stat.uid, stat.gid);
      if (owned !== -E.EPERM) check(owned, place.name);
    }
    replaceXattrs(source.fd, source.name, dirFd, place.name);
    if (stat.type !== S_IFLNK) check(chmodAt(dirFd, place.name, stat.mode & 0o7777), place.name);
    check(utimensAt(dirFd, place.name, stat.atime, stat.atimeNsec, stat.mtime, stat.mtimeNsec), place.name);
  }

  /** Whether the inode with this key in the index is known to have no second name. */
  hasOneName(key: string): boolean {
    const stat = new Stat();
    for (const { layer, path } of this.#union.covered.names(key)) {
      if (this.#hasKey({ layer, path }, key, stat)) return stat.nlink === 1;
    }
    return false;
  }

  /** The other names of the inode with this key in the index, whose names were read, as places in the base of `place`. */
  otherNames(key: string, place: BasePlace): BasePlace[] {
    const layer = layerOf(key);
    const stat = new Stat();
    return this.links
      .named(key)
      .filter((path) => path !== pathOf(place) && this.#hasKey({ layer, path }, key, stat))
      .map((path) => this.placeIn(place.dir.layer, path));
  }

  #hasKey({ layer, path }: BaseName, key: string, stat: Stat): boolean {
    const place = this.#bases.places(path).find((each) => each.dir.layer === layer);
    if (place === undefined || statAt(this.#fd(place.dir), place.name, stat) < 0) return false;
    return linkKey(layer, stat) === key;
  }

  /** Removes an entry, which the mount does not show, from every base that has it. */
  *remove(basePath: string): Job<void> {
    for (const place of this.#bases.places(basePath)) {
      yield* this.#emptyDirectory(place.dir.layer, this.#fd(place.dir), place.name);
      this.#removeTree(place);
      this.#unsynced.add(place.dir);
    }
    this.#bases.clear();
  }

  /** Removes what would show at the new path of an entry besides it, or could not be replaced by renaming it there. */
  makeRoom(from: string, to: string): void {
    const stat = new Stat();
    const files = new Set<number>();
    for (const { dir, name } of this.#bases.places(from)) {
      if (statAt(this.#fd(dir), name, stat) === 0 && stat.type !== S_IFDIR) files.add(dir.layer);
    }
    for (const { dir, name } of this.#bases.places(to)) {
      if (statAt(this.#fd(dir), name, stat) < 0) continue;
      if (files.has(dir.layer) && stat.type !== S_IFDIR) continue;
      this.#removeTree({ dir, name });
      this.#unsynced.add(dir);
    }
    this.#bases.clear();
  }

  /**
   * Renames an entry in every base that has it; see {@link makeRoom}.
   *
   * @param begun called when the first has it under its new name
   */
  rename(from: string, to: string, begun: () => void = () => undefined): void {
    const stat = new Stat();
    // By the old paths.
    this.flush();
    for (const place of this.#bases.places(from)) {
      if (statAt(this.#fd(place.dir), place.name, stat) < 0) continue;
      const slash = to.lastIndexOf('/');
      const dir = this.#directoryIn(place.dir.layer, slash < 0 ? '' : to.slice(0, slash));
      const name = to.slice(slash + 1);
      const toFd = this.#fd(dir);
      const mark = this.#markOfNames(dir.layer, stat);
      check(
        this.#takingName(dir.layer, toFd, name, () => renameAt(this.#fd(place.dir), place.name, toFd, name)),
        to,
      );
      begun();
      // A rename between two names of one inode does nothing and leaves both.
      unlinkAt(this.#fd(place.dir), place.name);
      this.#note({ dir, name }, mark);
      const { layer } = place.dir;
      this.#union.covered.forget({ layer, path: to });
      this.#union.covered.move({ layer, path: pathOf(place) }, { layer, path: to });
      this.#unsynced.add(place.dir);
      this.#unsynced.add(dir);
    }
    this.links.move(from, to);
    this.#bases.clear();
    this.flush();
  }

  /** Has {@link flush} make the names in a directory durable that an earlier commit may have changed. */
  touch(dir: LayerDir): void {
    this.#unsynced.add(dir);
  }

  /** Makes names durable that came, went or changed; after it, the scratch may forget them. */
  flush(): void {
    for (const dir of this.#unsynced) {
      const fd = openAt(this.#fd(dir), '.', O_RDONLY | O_DIRECTORY);
      if (fd === -E.EACCES) continue;
      check(fd, dir.path);
      const result = fsync(fd);
      close(fd);
      check(result, dir.path);
    }
    this.#unsynced.clear();
  }

  /** Makes all durable; nothing may be written after it. */
  end(): void {
    this.flush();
    this.#temporaries.end();
  }

  #setFileMetadata(fd: number, { fd: fromFd, name, stat }: Source): void {
    const owned = fchown(fd, stat.uid, stat.gid);
    if (owned !== -E.EPERM) check(owned, name);
    replaceXattrs(fromFd, name, fd, '');
    check(fchmod(fd, stat.mode & 0o7777), name);
    check(futimens(fd, stat.atime, stat.atimeNsec, stat.mtime, stat.mtimeNsec), name);
  }

  #moveIn(place: BasePlace, temporary: string, type: number): void {
    this.#removeOther(place, type);
    const { dir, name } = place;
    const fd = this.#fd(dir);
    check(
      this.#takingName(dir.layer, fd, name, () => renameAt(fd, temporary, fd, name)),
      name,
    );
    this.#union.covered.forget({ layer: dir.layer, path: pathOf(place) });
    this.#unsynced.add(place.dir);
  }

  /**
   * Removes what a rename cannot replace: a directory by something else, or the other way round. A directory would
   * merge with those that the old entry hid in further bases, so they go first.
   */
  #removeOther(place: BasePlace, type: number): void {
    const stat = new Stat();
    const result = statAt(this.#fd(place.dir), place.name, stat);
    if (result === -E.ENOENT) return;
    check(result, place.name);
    if ((stat.type === S_IFDIR) === (type === S_IFDIR)) return;
    if (type === S_IFDIR) {
      for (const below of this.#bases.places(pathOf(place)).reverse()) {
        if (below.dir.layer <= place.dir.layer) break;
        this.#removeTree(below);
        this.#unsynced.add(below.dir);
      }
    }
    this.#removeTree(place);
    this.#bases.clear();
  }

  /** Removes what is no directory, hidden by one in an earlier base, and ends the merging before `layer`. */
  #removeHidden(path: string, layer: number): void {
    for (const place of this.#bases.places(path).reverse()) {
      if (place.dir.layer <= layer) this.#removeOther(place, S_IFDIR);
    }
  }

  /** Removes what is in a directory, in steps; does nothing to anything else, or to one that cannot be read. */
  *#emptyDirectory(layer: number, dirFd: number, name: string): Job<void> {
    const fd = openAt(dirFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return;
    try {
      const entries: { each: string; type: number }[] = [];
      readDirectory(fd, '', (each, _ino, type) => entries.push({ each, type }));
      for (const { each, type } of entries) {
        if (type === S_IFDIR) yield* this.#emptyDirectory(layer, fd, each);
        this.#removeEntry(layer, fd, each, type);
        yield undefined;
      }
    } finally {
      close(fd);
    }
  }

  #removeTree(place: BasePlace): void {
    const { dir, name } = place;
    const path = pathOf(place);
    this.#removeEntry(dir.layer, this.#fd(dir), name, 0);
    this.#union.covered.forget({ layer: dir.layer, path });
    for (const each of this.#unsynced) {
      const isGone = each.path === path || each.path.startsWith(`${path}/`);
      if (isGone && each.layer === dir.layer) this.#unsynced.delete(each);
    }
  }

  #removeEntry(layer: number, dirFd: number, name: string, type: number): void {
    removeTree(dirFd, name, type, (fd, each) => this.#takingName(layer, fd, each, () => unlinkAt(fd, each)));
  }

  /** Runs what takes a name from a base inode, and notes the time that this gives it. */
  #takingName(layer: number, dirFd: number, name: string, action: () => number): number {
    const stat = new Stat();
    if (statAt(dirFd, name, stat) < 0 || stat.type === S_IFDIR) return action();
    if (stat.nlink < 2) {
      const result = action();
      if (result === 0) this.#union.commitTimes.forget(layer, stat);
      return result;
    }
    const fd = check(openAt(dirFd, name, O_PATH | O_NOFOLLOW), name);
    try {
      const mark = this.#markOfNames(layer, stat);
      // With one name, its time of change will count.
      if (stat.nlink === 2) this.#union.commitTimes.note(layer, stat, 'taking');
      const result = action();
      check(statFd(fd, stat), name);
      this.#union.commitTimes.note(layer, stat, mark);
      if (result === 0) this.#union.nameTaken(layer, stat);
      return result;
    } finally {
      close(fd);
    }
  }

  /** What a change of its names makes of the mark of an inode. */
  #markOfNames(layer: number, stat: Stat): CommitMark {
    const { commitTimes } = this.#union;
    return (['written', 'seen'] as const).find((mark) => commitTimes.isLast(layer, stat, mark)) ?? 'kept';
  }

  /** Notes the time that a commit gave an entry. */
  #note({ dir, name }: BasePlace, mark: CommitMark): void {
    const stat = new Stat();
    check(statAt(this.#fd(dir), name, stat), name);
    this.#union.commitTimes.note(dir.layer, stat, mark);
  }

  /** What has one name more has names now that matter to its link count. */
  #suspect(place: BasePlace): void {
    const stat = new Stat();
    const { layer } = place.dir;
    if (statAt(this.#fd(place.dir), place.name, stat) < 0 || stat.dev !== this.#union.inodes.device(layer))
      return;
    this.#union.covered.suspect(linkKey(layer, stat), { layer, path: pathOf(place) });
  }

  #fd(dir: LayerDir): number {
    return this.#union.dirFds.get(dir);
  }
}
