import { toText } from '../sys/bytes';
import { check, E, FsError } from '../sys/errno';
import { close, unlinkAt, whenOutOfDescriptors } from '../sys/file';
import { readDirectory } from '../sys/directory';
import { S_IFCHR, S_IFDIR, S_IFREG, Stat, statAt, statFd } from '../sys/stat';
import { CommitTimes } from './commitTimes';
import { CoveredNames } from './coveredNames';
import { DamageError } from './damage';
import { Deltas } from './delta/deltas';
import { machineDurability } from './delta/durability';
import type { LogLevel } from './engine';
import { FileFds } from './fileFds';
import type { Invalidator } from './filesystem';
import { InodeNumbers } from './inodeNumbers';
import { type DirFds, type Layer, LayerDir } from './layer';
import { IndexedKeys, linkKey } from './linkKeys';
import { type DirState, Node, type UpperName, type UpperRecord } from './node';
import { carriesRecord } from './record';
import type { Scratch } from './scratch';

/** What happened to the tree, for the list of changes. */
export interface ChangeObserver {
  /** Contents or metadata of a node changed. */
  touchNode(node: Node): void;
  /** A name appeared, disappeared or stands for something else. */
  touchName(parent: Node, name: string): void;
  /** As before, for everything below the name too. */
  touchTree(parent: Node, name: string): void;
}

export type LogFunction = (level: LogLevel, message: string) => void;

/** Until the list of changes listens. */
const silent: ChangeObserver = { touchNode: ignore, touchName: ignore, touchTree: ignore };
function ignore(): void {
  // Nobody asked yet.
}

const ROOT_ID = 1;

/**
 * The state of a mounted union, and how names become nodes. The modules beside this one are its operations.
 */
export class Union {
  readonly scratch: Scratch;
  /** The scratch's upper tree first, then the bases in order. */
  readonly layers: readonly Layer[];
  readonly dirFds: DirFds;
  readonly fileFds: FileFds;
  readonly deltas: Deltas;
  /** Size in bytes from which on the scratch keeps blocks instead of a whole copy. */
  readonly deltaThreshold: number;
  /** Base layers whose files cannot share blocks with the scratch. */
  readonly cannotClone: Set<number>;
  readonly nodes = new Map<number, Node>();
  readonly root: Node;
  readonly inodes: InodeNumbers;
  readonly invalidator: Invalidator;
  /** Open files whose last name is gone, but whose inode, or its bytes alone, are still a base's. */
  readonly baseOrphans = new Set<Node>();
  observer: ChangeObserver = silent;
  /** Nodes of inodes that can have several names: upper ones by inode number, base ones by their key in the index. */
  readonly linkedUpper = new Map<number, Node>();
  readonly linkedLower = new Map<string, Node>();
  /** Base inodes with several links that were copied up: names in the scratch's index. */
  readonly indexed = new IndexedKeys();
  /** Those whose copy may have lost all other names, since the list of changes was last brought up to date. */
  readonly looseIndex: Set<string>;
  readonly covered: CoveredNames;
  readonly commitTimes: CommitTimes;
  readonly #log: LogFunction;
  /** What was said of damaged files, by path. */
  readonly #damages = new Map<string, string>();
  #nextId = ROOT_ID;
  /** How many inodes are kept by a descriptor, and how many may be. */
  #pins = 0;
  readonly #mostPins: number;
  /** The node whose attributes `#stat` still holds from its lookup, to spare the driver's getattr a system call. */
  #fresh: Node | null = null;
  readonly #stat = new Stat();

  constructor(
    scratch: Scratch,
    layers: readonly Layer[],
    dirFds: DirFds,
    limits: { files: number; deltas: number; deltaThreshold: number },
    invalidator: Invalidator,
    log: LogFunction,
  ) {
    this.scratch = scratch;
    this.#log = log;
    this.layers = layers;
    this.dirFds = dirFds;
    this.fileFds = new FileFds(limits.files);
    this.deltas = new Deltas(scratch.deltaFd, limits.deltas, machineDurability());
    this.#mostPins = Math.ceil(limits.files / 4);
    this.deltaThreshold = limits.deltaThreshold;
    this.invalidator = invalidator;
    whenOutOfDescriptors(() => this.#closeSome());
    // Tried here once, not while the first write to a large file waits for it.
    this.cannotClone = new Set(scratch.canClone() ? [] : layers.keys());
    readDirectory(scratch.indexFd, '', (name) => this.indexed.add(name));
    this.looseIndex = new Set(this.indexed);
    this.covered = new CoveredNames(scratch.rootFd);
    this.commitTimes = new CommitTimes(scratch.rootFd);
    this.root = this.#newNode(S_IFDIR, null, '');
    this.root.upper = true;
    this.root.lookups = 1;
    const dir = dirOf(this.root);
    dir.upper = layers[0]!.root;
    dir.lowers = layers.slice(1).map((layer) => layer.root);
    this.inodes = new InodeNumbers(
      layers.map((layer) => {
        check(statFd(dirFds.get(layer.root), this.#stat), layer.path);
        return this.#stat.dev;
      }),
    );
  }

  /** The node with this id. @throws FsError ESTALE */
  node(id: number): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new FsError(E.ESTALE, `node ${id}`);
    return node;
  }

  /** The child of a directory, or null. */
  lookup(parent: Node, name: string): Node | null {
    const dir = dirOf(parent);
    const known = dir.children.get(name);
    if (known !== undefined) return known;
    if (parent.orphan) return null;
    if (parent.damage !== null) throw new DamageError(parent.path, parent.damage);
    if (dir.upper !== null) {
      const entry = this.upperNames(parent).get(name);
      if (entry?.whiteout) return null;
      if (entry !== undefined) return this.#lookupUpper(parent, name);
    }
    return this.#lookupLower(parent, name);
  }

  /** All names of a directory's upper side, read from disk on first use. Empty where there is none. */
  upperNames(parent: Node): Map<string, UpperName> {
    const dir = dirOf(parent);
    if (dir.upperNames !== null) return dir.upperNames;
    const names = new Map<string, UpperName>();
    if (dir.upper === null) return (dir.upperNames = names);
    const suspects: string[] = [];
    const fd = this.dirFds.get(dir.upper);
    const result = readDirectory(fd, '', (name, _ino, type) => {
      names.set(name, { whiteout: false });
      if (type === S_IFCHR || type === 0 || (type === S_IFREG && this.scratch.xattrWhiteouts))
        suspects.push(name);
    });
    check(result, parent.path);
    for (const name of suspects) {
      if (statAt(fd, name, this.#stat) < 0) continue;
      this.#fresh = null;
      names.set(name, { whiteout: this.scratch.isWhiteout(fd, name, this.#stat) });
    }
    // Not before: what could not be read would pass for empty from then on.
    dir.upperNames = names;
    return names;
  }

  /** Metadata of what the bases have under a name of this directory (regardless of the scratch), or a negative errno. */
  statLower(parent: Node, name: string, out: Stat): number {
    for (const lower of dirOf(parent).lowers) {
      const result = statAt(this.dirFds.get(lower), name, out);
      if (result !== -E.ENOENT) return result;
    }
    return -E.ENOENT;
  }

  /** Adds a node for something that now exists in the upper directory. */
  addUpper(parent: Node, name: string, type: number): Node {
    const node = this.#newNode(type, parent, name);
    node.upper = true;
    if (node.dir !== null) {
      node.dir.upper = new LayerDir(0, dirOf(parent).upper, name);
      node.dir.opaque = false;
    }
    this.attach(node, parent, name);
    return node;
  }

  /** Adds a node for a file without a name. @param parent for which it was made @param fd now the node's */
  addTmpfile(parent: Node, fd: number): Node {
    const node = this.#newNode(S_IFREG, parent, '');
    node.upper = true;
    node.orphan = true;
    node.linkable = true;
    this.pin(node, fd);
    return node;
  }

  /** Gives a node its (new) place in memory. */
  attach(node: Node, parent: Node, name: string): void {
    node.parent = parent;
    node.name = name;
    dirOf(parent).children.set(name, node);
    if (node.dir?.upper) {
      node.dir.upper.parent = dirOf(parent).upper;
      node.dir.upper.name = name;
    }
  }

  /** Takes a name from memory; the node stays for those who hold it. */
  detach(parent: Node, name: string): void {
    dirOf(parent).children.delete(name);
  }

  remember(node: Node): void {
    node.lookups++;
  }

  forget(id: number, count: number): void {
    const node = this.nodes.get(id);
    if (node === undefined) return;
    node.lookups = Math.max(0, node.lookups - count);
    this.release(node);
  }

  /** Lets a node leave the memory when nobody holds it; then its parents too. */
  release(node: Node): void {
    let at = node;
    while (at !== this.root) {
      if (at.lookups > 0 || (at.dir !== null && at.dir.children.size > 0)) return;
      if (!this.nodes.delete(at.id)) return;
      const { parent } = at;
      if (at === this.#fresh) this.#fresh = null;
      this.fileFds.drop(at);
      this.deltas.drop(at);
      this.baseOrphans.delete(at);
      this.unpin(at);
      if (at.dir !== null) {
        if (at.dir.upper !== null) this.dirFds.drop(at.dir.upper);
        for (const lower of at.dir.lowers) this.dirFds.drop(lower);
      }
      this.unlink(at);
      if (at.orphan || parent === null) return;
      if (dirOf(parent).children.get(at.name) === at) this.detach(parent, at.name);
      for (const alias of at.aliases ?? []) {
        this.detach(alias.parent, alias.name);
        this.release(alias.parent);
      }
      at = parent;
    }
  }

  /** Keeps an inode, by a descriptor of it, for those who have it open. */
  pin(node: Node, fd: number): void {
    node.orphanFd = fd;
    if (fd >= 0) this.#pins++;
  }

  /** Whether more inodes may be pinned: descriptors have to be left for all else. */
  get canPin(): boolean {
    return this.#pins < this.#mostPins;
  }

  /** Takes the descriptor that pins a node, -1 for none; who takes it closes it. */
  takePin(node: Node): number {
    const fd = node.orphanFd;
    if (fd >= 0) this.#pins--;
    node.orphanFd = -1;
    return fd;
  }

  /** Lets go of an inode that was kept for those who have it open. */
  unpin(node: Node): void {
    const fd = this.takePin(node);
    if (fd >= 0) close(fd);
    if (node.parkedName !== null) unlinkAt(this.scratch.workFd, node.parkedName);
    node.parkedName = null;
  }

  /** Closes descriptors that are not in use just now; returns whether there were any. */
  #closeSome(): boolean {
    const closed = [this.fileFds.shrink(), this.deltas.shrink(), this.dirFds.shrink()];
    if (!closed.includes(true)) return false;
    this.#log('warn', 'Out of file descriptors: from now on fewer files are kept open.');
    return true;
  }

  /** Metadata of a node as its layer has it, before the union's view of inode numbers. */
  statBacking(node: Node, out: Stat): void {
    if (node.orphanFd >= 0) {
      check(statFd(node.orphanFd, out), node.name);
      return;
    }
    if (node.upper) {
      const { fd, name } = this.upperPlace(node);
      check(statAt(fd, name, out), node.path);
      return;
    }
    if (node.dir !== null) {
      const first = node.dir.lowers[0];
      if (first === undefined) throw new FsError(E.ESTALE, node.path);
      check(statFd(this.dirFds.get(first), out), node.path);
      return;
    }
    if (node.lowerDir === null) throw new FsError(E.ESTALE, node.path);
    check(statAt(this.dirFds.get(node.lowerDir), node.lowerName, out), node.path);
  }

  /** Forgets what the last lookup read: something changed. */
  clearFresh(): void {
    this.#fresh = null;
  }

  /** Takes over what the last lookup read, when it was of this node and nothing happened since. */
  takeFresh(node: Node, out: Stat): boolean {
    if (this.#fresh !== node) return false;
    Object.assign(out, this.#stat);
    this.#fresh = null;
    return true;
  }

  /** Where a node's inode lies in the scratch, as a directory descriptor (valid until the next call) and a name. */
  upperPlace(node: Node): { fd: number; name: string } {
    if (node.orphan && node.parkedName !== null) return { fd: this.scratch.workFd, name: node.parkedName };
    if (node.indexKey !== null) return { fd: this.scratch.indexFd, name: node.indexKey };
    if (node.parent === null) return { fd: this.scratch.upperFd, name: '.' };
    const above = dirOf(node.parent).upper;
    if (above === null || node.orphan) throw new FsError(E.ESTALE, node.name);
    return { fd: this.dirFds.get(above), name: node.name };
  }

  /** Makes the driver ask again for a node's attributes, and for the listings, which have its inode number too. */
  tellNewNumber(node: Node): void {
    this.invalidator.inode(node.id, -1, 0);
    if (node.parent !== null) this.invalidator.inode(node.parent.id, 0, 0);
    for (const { parent } of node.aliases ?? []) this.invalidator.inode(parent.id, 0, 0);
  }

  #newNode(type: number, parent: Node | null, name: string): Node {
    const node = new Node(this.#nextId++, type, parent, name);
    this.nodes.set(node.id, node);
    return node;
  }

  #lookupUpper(parent: Node, name: string): Node | null {
    const fd = this.dirFds.get(dirOf(parent).upper!);
    const result = statAt(fd, name, this.#stat);
    if (result === -E.ENOENT) return null;
    check(result, name);
    const { type, ino, nlink } = this.#stat;
    if (type !== S_IFDIR) {
      const linked = this.linkedUpper.get(ino);
      // One that is open and lost all names but this, which was not in memory then.
      if (linked !== undefined && (nlink > 1 || linked.orphan)) return this.#addAlias(linked, parent, name);
    }
    const record = this.#recordAt(fd, name, type, ino);
    const node = this.addUpper(parent, name, type);
    this.#setRecord(node, record);
    if (node.record !== null && !carriesRecord(type)) node.recordIno = ino;
    if (node.dir !== null) this.#mergeDir(node, fd, name);
    else this.findLower(node);
    if (type !== S_IFDIR && nlink > 1) {
      this.linkUpper(node, ino);
      this.#findIndex(node, ino);
    }
    this.#fresh = node;
    return node;
  }

  #recordAt(dirFd: number, name: string, type: number, ino: number): UpperRecord | DamageError | null {
    try {
      return this.scratch.records.get(dirFd, name, type, ino);
    } catch (error) {
      if (error instanceof DamageError) return error;
      throw error;
    }
  }

  /** Gives a node its record. One with a damaged record can be listed, moved and discarded, but not read. */
  #setRecord(node: Node, record: UpperRecord | DamageError | null): void {
    if (record instanceof DamageError) this.noteDamage(node, record);
    else node.record = record;
  }

  /** Notes why a node's bytes cannot be had, and says it once. */
  noteDamage(node: Node, { reason }: DamageError): void {
    const { path } = node;
    node.damage = reason;
    if (this.#damages.get(path) === reason) return;
    this.#damages.set(path, reason);
    this.#log('error', `${toText(path)} gives EIO: ${reason}. Discard it to have the base's again.`);
    this.observer.touchNode(node);
  }

  /** Finds the base directories that an upper directory merges with. */
  #mergeDir(node: Node, parentFd: number, name: string): void {
    const dir = dirOf(node);
    dir.opaque = this.scratch.isOpaque(parentFd, name);
    dir.lowers = this.lowersOf(node);
    // Looking for lower directories may have used the shared buffer.
    check(statAt(this.dirFds.get(dirOf(node.parent!).upper!), name, this.#stat), name);
  }

  /** The base directories below an upper directory, by its place or its redirect. */
  lowersOf(node: Node): LayerDir[] {
    if (dirOf(node).opaque || node.damage !== null) return [];
    if (node.record?.redirect != null) return this.resolveLowers(node.record.redirect);
    return this.childLowers(dirOf(node.parent!).lowers, node.name);
  }

  /** Which base file stands behind an upper file that still needs it. */
  findLower(node: Node): void {
    if (!node.record?.metacopy && node.record?.delta == null) return;
    const place =
      node.record.redirect === null
        ? { lowers: dirOf(node.parent!).lowers, name: node.name }
        : this.resolvePlace(node.record.redirect);
    if (place !== null) this.setLower(node, place.lowers, place.name);
    const { fd, name } = this.upperPlace(node);
    check(statAt(fd, name, this.#stat), name);
  }

  /** The first of these directories of bases that has this name, and fills `out`. */
  firstWith(lowers: readonly LayerDir[], name: string, out: Stat): LayerDir | undefined {
    return lowers.find((lower) => statAt(this.dirFds.get(lower), name, out) === 0);
  }

  /** Metadata of the base file that a node stands on, or a negative errno. */
  statBase({ lowerDir, lowerName }: Node, out: Stat): number {
    return lowerDir === null ? -E.ENOENT : this.statIn(lowerDir, lowerName, out);
  }

  /** Metadata of what a directory of a layer has under a name, or a negative errno. */
  statIn(dir: LayerDir, name: string, out: Stat): number {
    const fd = this.dirFds.find(dir);
    return fd < 0 ? fd : statAt(fd, name, out);
  }

  /** Remembers the first base that has a file of this name. */
  setLower(node: Node, lowers: readonly LayerDir[], name: string): void {
    const lower = this.firstWith(lowers, name, this.#stat);
    if (lower === undefined) return;
    node.lowerDir = lower;
    node.lowerName = name;
  }

  /**
   * Has a node stand on a name that the base has of its inode, which has several: commits take some from it. Returns
   * whether one is known.
   *
   * @param out gets what the base has there
   */
  findLinkedLower(node: Node, key: string, out: Stat): boolean {
    this.#fresh = null;
    for (const { lowers, name } of this.#placesOf(node, key)) {
      const isName = (lower: LayerDir): boolean =>
        this.statIn(lower, name, out) === 0 && linkKey(lower.layer, out) === key;
      const lower = lowers.find(isName);
      if (lower === undefined) continue;
      node.lowerDir = lower;
      node.lowerName = name;
      return true;
    }
    return false;
  }

  /** Where the bases may have a name of the inode with this key, for all that is known in memory and in the scratch. */
  *#placesOf(node: Node, key: string): Generator<{ lowers: readonly LayerDir[]; name: string }> {
    const { parent, name, aliases, record } = node;
    for (const own of parent === null ? [] : [{ parent, name }, ...(aliases ?? [])])
      yield { lowers: dirOf(own.parent).lowers, name: own.name };
    const covered = [...this.covered.names(key)].map(({ path }) => path);
    for (const path of record?.redirect == null ? covered : [record.redirect, ...covered]) {
      const place = this.resolvePlace(path);
      if (place !== null) yield place;
    }
  }

  /** A commit took a name from a base inode with several: what stood on that one stands on another. */
  nameTaken(layer: number, stat: Stat): void {
    const key = linkKey(layer, stat);
    const node = this.linkedLower.get(key);
    if (node !== undefined) this.findLinkedLower(node, key, this.#stat);
  }

  #lookupLower(parent: Node, name: string): Node | null {
    const dir = dirOf(parent);
    const { lowers } = dir;
    for (let i = 0; i < lowers.length; i++) {
      const lower = lowers[i]!;
      const result = statAt(this.dirFds.get(lower), name, this.#stat);
      if (result === -E.ENOENT) continue;
      check(result, name);
      return this.#stat.type === S_IFDIR
        ? this.#addLowerDir(parent, name, lower, lowers.slice(i + 1))
        : this.#addLowerFile(parent, name, lower);
    }
    return null;
  }

  #addLowerDir(parent: Node, name: string, first: LayerDir, rest: readonly LayerDir[]): Node {
    const node = this.#newNode(S_IFDIR, parent, name);
    const dir = dirOf(node);
    dir.lowers = [new LayerDir(first.layer, first, name)];
    if (rest.length > 0) {
      const stat = Object.assign(new Stat(), this.#stat);
      dir.lowers.push(...this.childLowers(rest, name));
      Object.assign(this.#stat, stat);
    }
    this.attach(node, parent, name);
    this.#fresh = node;
    return node;
  }

  #addLowerFile(parent: Node, name: string, lower: LayerDir): Node {
    const { type, dev } = this.#stat;
    const key = dev === this.inodes.device(lower.layer) ? this.#sharedKey(lower.layer, this.#stat) : null;
    if (key !== null) {
      const linked = this.linkedLower.get(key);
      if (linked !== undefined) return this.#addAlias(linked, parent, name);
    }
    const node = this.#newNode(type, parent, name);
    node.lowerDir = lower;
    node.lowerName = name;
    this.attach(node, parent, name);
    if (key !== null) {
      this.linkLower(node, key);
      if (this.indexed.has(key)) this.#useIndex(node, key);
    }
    this.#fresh = node;
    return node;
  }

  /** Key of a base inode that has several names, or was copied up when it had. */
  #sharedKey(layer: number, stat: Stat): string | null {
    if (stat.nlink < 2 && this.indexed.size === 0) return null;
    const key = linkKey(layer, stat);
    return stat.nlink > 1 || this.indexed.has(key) ? key : null;
  }

  /** An upper file that other names of its base inode reach by the index. */
  #findIndex(node: Node, ino: number): void {
    const { record } = node;
    if (record === null || record.cover) return;
    const stat = new Stat();
    for (const key of this.indexed.withNumber(record.origin.layer, record.origin.ino)) {
      if (statAt(this.scratch.indexFd, key, stat) < 0 || stat.ino !== ino) continue;
      node.indexKey = key;
      this.linkLower(node, key);
    }
  }

  /** A base file with several names that was copied up under another of them. */
  #useIndex(node: Node, key: string): void {
    node.indexKey = key;
    node.upper = true;
    check(statAt(this.scratch.indexFd, key, this.#stat), key);
    const { ino } = this.#stat;
    this.#setRecord(node, this.#recordAt(this.scratch.indexFd, key, node.type, ino));
    if (node.record !== null && !carriesRecord(node.type)) node.recordIno = ino;
    this.linkUpper(node, ino);
  }

  #addAlias(node: Node, parent: Node, name: string): Node {
    if (node.orphan || node.parent === null) {
      node.orphan = false;
      this.baseOrphans.delete(node);
      this.attach(node, parent, name);
      // Its inode is reached by a name again, also when a commit takes that from the scratch.
      this.unpin(node);
    } else {
      (node.aliases ??= []).push({ parent, name });
      dirOf(parent).children.set(name, node);
    }
    this.#fresh = null;
    return node;
  }

  /** Makes an upper inode with several names be found under each of them. */
  linkUpper(node: Node, ino: number): void {
    node.linkedIno = ino;
    this.linkedUpper.set(ino, node);
  }

  /** The reverse of {@link linkUpper}. */
  unlinkUpper(node: Node): void {
    if (node.linkedIno > 0 && this.linkedUpper.get(node.linkedIno) === node)
      this.linkedUpper.delete(node.linkedIno);
    node.linkedIno = 0;
  }

  /** Makes a base inode with several names be found under each of them. */
  linkLower(node: Node, key: string): void {
    this.#unlinkLower(node);
    node.linkedKey = key;
    this.linkedLower.set(key, node);
  }

  /**
   * Finds all directories and files of the bases again that nodes in memory stand on: some were moved. One that is
   * gone stays where it was. Returns whether there is one, or a directory stands on other bases than before.
   */
  rebase(from: Node = this.root): boolean {
    const { children, lowers } = dirOf(from);
    let isOther = false;
    for (const [name, child] of children) {
      if (child.dir !== null) {
        const before = layersOf(child.dir.lowers);
        const found = child.upper ? this.lowersOf(child) : this.childLowers(lowers, name);
        if (!child.upper && found.length === 0) {
          isOther = true;
          continue;
        }
        child.dir.lowers = found;
        if (layersOf(found) !== before) {
          isOther = true;
          child.dir.listing = null;
          this.invalidator.inode(child.id, 0, 0);
          this.tellNewNumber(child);
        }
        if (this.rebase(child)) isOther = true;
      } else if (child.parent === from && child.name === name && child.lowerDir !== null) {
        const { linkedKey } = child;
        if (linkedKey !== null && this.findLinkedLower(child, linkedKey, this.#stat)) continue;
        const redirect = child.record?.redirect;
        const place = redirect == null ? { lowers, name } : this.resolvePlace(redirect);
        if (place !== null) this.setLower(child, place.lowers, place.name);
      }
    }
    return isOther;
  }

  /** Makes a node be found under none of the other names of its inode any more. */
  unlink(node: Node): void {
    this.unlinkUpper(node);
    this.#unlinkLower(node);
  }

  #unlinkLower(node: Node): void {
    if (node.linkedKey !== null && this.linkedLower.get(node.linkedKey) === node)
      this.linkedLower.delete(node.linkedKey);
  }

  /** The directories of this name in a list of base directories; one that is no directory ends it. */
  childLowers(lowers: readonly LayerDir[], name: string): LayerDir[] {
    const found: LayerDir[] = [];
    for (const lower of lowers) {
      const result = statAt(this.dirFds.get(lower), name, this.#stat);
      this.#fresh = null;
      if (result === -E.ENOENT) continue;
      check(result, name);
      if (this.#stat.type !== S_IFDIR) break;
      found.push(new LayerDir(lower.layer, lower, name));
    }
    return found;
  }

  /** The merged base directories at a path of the bases alone. */
  resolveLowers(path: string): LayerDir[] {
    let lowers = this.layers.slice(1).map((layer) => layer.root);
    for (const name of path === '' ? [] : path.split('/')) {
      lowers = this.childLowers(lowers, name);
      if (lowers.length === 0) break;
    }
    return lowers;
  }

  /** Splits a path of the bases into its merged directory and a name. */
  resolvePlace(path: string): { lowers: LayerDir[]; name: string } | null {
    const slash = path.lastIndexOf('/');
    const lowers = this.resolveLowers(slash < 0 ? '' : path.slice(0, slash));
    return lowers.length === 0 ? null : { lowers, name: path.slice(slash + 1) };
  }

  close(): void {
    for (const node of this.nodes.values()) if (node.orphanFd >= 0) close(node.orphanFd);
    this.deltas.closeAll();
    this.fileFds.closeAll();
    this.dirFds.closeAll();
    this.covered.close();
    this.commitTimes.close();
    this.scratch.close();
  }
}

/** The directory side of a node. @throws FsError ENOTDIR */
export function dirOf(node: Node): DirState {
  if (node.dir === null) throw new FsError(E.ENOTDIR, node.path);
  return node.dir;
}

/** The layers that a directory's base side lies in. */
function layersOf(lowers: readonly LayerDir[]): string {
  return lowers.map(({ layer }) => layer).join();
}
