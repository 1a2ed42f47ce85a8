import { strict as assert } from 'node:assert';
import {
  mkdirSync,
  mkdtempSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from '../../src/core/engine';
import { encode } from '../../src/driver/kernel/notify';
import {
  Attr,
  AttrOut,
  CopyFileRangeIn,
  CreateIn,
  Dirent,
  EntryOut,
  FallocateIn,
  FOPEN_KEEP_CACHE,
  ForgetIn,
  InHeader,
  InitFlag,
  InitIn,
  InitOut,
  Opcode,
  OpenOut,
  OutHeader,
  ReadIn,
  SetattrFlag,
  SetattrIn,
  WriteIn,
} from '../../src/driver/kernel/protocol';
import { KernelSession } from '../../src/driver/kernel/session';
import { parseStagedName, stagedName } from '../../src/driver/kernel/stagedName';
import { E } from '../../src/sys/errno';
import { close } from '../../src/sys/file';
import { socketPair } from '../../src/sys/mount';
import { eventFd, setNonBlocking } from '../../src/sys/process';
import { S_IFREG } from '../../src/sys/stat';

const ROOT = 1;

interface Reply {
  readonly error: number;
  readonly unique: bigint;
  readonly payload: Buffer;
}

class Done extends Error {}

/** The kernel's end of a connection: sends requests to a session that serves a real engine, and takes the replies. */
class Kernel {
  readonly #ours: number;
  readonly #theirs: number;
  readonly #wakeFd = eventFd();
  readonly #session: KernelSession;
  readonly log: string[] = [];
  #unique = 2n ** 33n;

  constructor(engine: Engine) {
    const pair = socketPair();
    assert(typeof pair !== 'number');
    [this.#ours, this.#theirs] = pair;
    setNonBlocking(this.#theirs);
    this.#session = new KernelSession(this.#theirs, engine, {
      log: (_, message) => this.log.push(message),
      writeBack: (_nodeId, _offset, done) => {
        done();
      },
    });
  }

  close(): void {
    for (const fd of [this.#ours, this.#theirs, this.#wakeFd]) close(fd);
  }

  /** Sends a request and returns the answer to it. */
  ask(opcode: number, nodeid: number, body: Buffer): Reply {
    this.tell(opcode, nodeid, body);
    return this.#receive();
  }

  /** Sends a request and has it worked on. */
  tell(opcode: number, nodeid: number, body: Buffer): void {
    this.#send(opcode, nodeid, body);
    let turns = 0;
    // The session works between the pump's turns.
    this.#serve(() => ++turns === 2);
  }

  #send(opcode: number, nodeid: number, body: Buffer): void {
    const request = Buffer.alloc(InHeader.SIZE + body.length);
    this.#unique += 2n;
    request.writeUInt32LE(request.length, InHeader.len);
    request.writeUInt32LE(opcode, InHeader.opcode);
    request.writeBigUInt64LE(this.#unique, InHeader.unique);
    request.writeBigUInt64LE(BigInt(nodeid), InHeader.nodeid);
    body.copy(request, InHeader.SIZE);
    writeSync(this.#ours, request);
  }

  #serve(isOver: () => boolean): void {
    try {
      const step = (): number => {
        if (isOver()) throw new Done();
        return 0;
      };
      this.#session.serve({ step }, this.#wakeFd);
    } catch (error) {
      if (!(error instanceof Done)) throw error;
    }
  }

  #receive(): Reply {
    const buffer = Buffer.alloc(4096);
    const length = readSync(this.#ours, buffer);
    assert.equal(buffer.readUInt32LE(OutHeader.len), length);
    const unique = buffer.readBigUInt64LE(OutHeader.unique);
    assert.equal(unique, this.#unique);
    return {
      error: buffer.readInt32LE(OutHeader.error),
      unique,
      payload: buffer.subarray(OutHeader.SIZE, length),
    };
  }
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

/** FUSE_HANDLE_KILLPRIV, whose place HANDLE_KILLPRIV_V2 took. */
const UNWANTED = 1 << 19;

function initRequest(major: number, minor: number, flags: number): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(major, InitIn.major);
  body.writeUInt32LE(minor, InitIn.minor);
  body.writeUInt32LE(131072, InitIn.max_readahead);
  body.writeUInt32LE(flags >>> 0, InitIn.flags);
  return body;
}

describe('kernel protocol', () => {
  let root: string;
  let engine: Engine;
  let kernel: Kernel;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cow-protocol-'));
    mkdirSync(join(root, 'base'));
    writeFileSync(join(root, 'base/file'), 'content');
    engine = Engine.open({
      bases: [join(root, 'base')],
      scratch: join(root, 'scratch'),
      invalidator: { inode: () => undefined, entry: () => undefined },
      log: () => undefined,
    });
    kernel = new Kernel(engine);
  });

  afterEach(() => {
    kernel.close();
    engine.close();
    rmSync(root, { recursive: true });
  });

  function lookup(name: string): number {
    const { error, payload } = kernel.ask(Opcode.LOOKUP, ROOT, cString(name));
    assert.equal(error, 0);
    return Number(payload.readBigUInt64LE(EntryOut.nodeid));
  }

  describe('INIT', () => {
    it('takes of what the kernel offers what it wants, and speaks the older of the two versions', () => {
      const offered = InitFlag.WRITEBACK_CACHE | InitFlag.MAX_PAGES | UNWANTED;
      const { error, payload } = kernel.ask(Opcode.INIT, 0, initRequest(7, 31, offered));
      assert.equal(error, 0);
      assert.equal(payload.length, InitOut.SIZE);
      assert.equal(payload.readUInt32LE(InitOut.minor), 31);
      assert.equal(payload.readUInt32LE(InitOut.flags), InitFlag.WRITEBACK_CACHE | InitFlag.MAX_PAGES);
      assert.equal(payload.readUInt32LE(InitOut.max_write), 1 << 20);
    });

    it('answers a newer major version with its own, upon which the kernel asks again', () => {
      const { error, payload } = kernel.ask(Opcode.INIT, 0, initRequest(8, 3, 0));
      assert.equal(error, 0);
      assert.equal(payload.readUInt32LE(InitOut.major), 7);
    });

    it('refuses kernels that are too old', () => {
      assert.equal(kernel.ask(Opcode.INIT, 0, initRequest(7, 19, 0)).error, -E.EPROTO);
    });
  });

  it('answers what it does not know with ENOSYS', () => {
    assert.equal(kernel.ask(Opcode.OPEN, ROOT, Buffer.alloc(8)).error, -E.ENOSYS);
    assert.equal(kernel.ask(4000, ROOT, Buffer.alloc(8)).error, -E.ENOSYS);
    assert.deepEqual(kernel.log, []);
  });

  it('answers an unknown node with ESTALE', () => {
    assert.equal(kernel.ask(Opcode.GETATTR, 4711, Buffer.alloc(16)).error, -E.ESTALE);
  });

  it('lets the kernel remember that a name does not exist', () => {
    const { error, payload } = kernel.ask(Opcode.LOOKUP, ROOT, cString('none'));
    assert.equal(error, 0);
    assert.equal(payload.readBigUInt64LE(EntryOut.nodeid), 0n);
    assert(payload.readBigUInt64LE(EntryOut.entry_valid) > 0n);
  });

  it('refuses names that no file system could store', () => {
    assert.equal(kernel.ask(Opcode.LOOKUP, ROOT, cString('x'.repeat(256))).error, -E.ENAMETOOLONG);
  });

  it('tells times before 1970 and their nanoseconds', () => {
    utimesSync(join(root, 'base/file'), new Date(-1500), new Date(-86_400_250));
    const { payload } = kernel.ask(Opcode.LOOKUP, ROOT, cString('file'));
    assert.equal(payload.readBigInt64LE(EntryOut.attr + Attr.mtime), -86401n);
    assert.equal(payload.readUInt32LE(EntryOut.attr + Attr.mtimensec), 750_000_000);
    assert.equal(
      payload.readBigUInt64LE(EntryOut.attr + Attr.ino),
      BigInt(statSync(join(root, 'base/file')).ino),
    );
  });

  it('does not take the kernel keeping a time up to date for a change', () => {
    const node = lookup('file');
    const mtime = statSync(join(root, 'base/file'), { bigint: true }).mtimeNs;
    const body = Buffer.alloc(88);
    body.writeUInt32LE(SetattrFlag.MTIME | SetattrFlag.CTIME | SetattrFlag.FH, SetattrIn.valid);
    body.writeBigInt64LE(mtime / 1_000_000_000n, SetattrIn.mtime);
    body.writeUInt32LE(Number(mtime % 1_000_000_000n), SetattrIn.mtimensec);
    const { error, payload } = kernel.ask(Opcode.SETATTR, node, body);
    assert.equal(error, 0);
    assert.equal(payload.length, AttrOut.SIZE);
    assert.equal(engine.storedBytes(), 0);
    assert.equal(engine.node(node).upper, false);
  });

  describe('the time of a file', () => {
    const SECOND = 1_000_000_000n;

    function setTime(node: number, mtime: bigint): void {
      const body = Buffer.alloc(88);
      body.writeUInt32LE(SetattrFlag.MTIME | SetattrFlag.CTIME, SetattrIn.valid);
      body.writeBigInt64LE(mtime / SECOND, SetattrIn.mtime);
      body.writeUInt32LE(Number(mtime % SECOND), SetattrIn.mtimensec);
      assert.equal(kernel.ask(Opcode.SETATTR, node, body).error, 0);
    }

    function stored(): bigint {
      return statSync(join(root, 'scratch/upper/file'), { bigint: true }).mtimeNs;
    }

    function write(node: number): void {
      const body = Buffer.alloc(WriteIn.SIZE + 4, 'data');
      body.fill(0, 0, WriteIn.SIZE);
      body.writeUInt32LE(4, WriteIn.size);
      assert.equal(kernel.ask(Opcode.WRITE, node, body).error, 0);
    }

    function allocate(node: number): void {
      const body = Buffer.alloc(32);
      body.writeBigUInt64LE(9000n, FallocateIn.length);
      assert.equal(kernel.ask(Opcode.FALLOCATE, node, body).error, 0);
    }

    function copy(node: number): void {
      const body = Buffer.alloc(56);
      body.writeBigUInt64LE(BigInt(node), CopyFileRangeIn.nodeid_out);
      body.writeBigUInt64LE(4096n, CopyFileRangeIn.off_out);
      body.writeBigUInt64LE(4n, CopyFileRangeIn.len);
      assert.equal(kernel.ask(Opcode.COPY_FILE_RANGE, node, body).error, 0);
    }

    for (const change of [write, allocate, copy]) {
      const changed = (node: number, age: bigint): boolean => {
        const mtime = BigInt(Date.now()) * 1_000_000n - age;
        setTime(node, mtime);
        change(node);
        return stored() !== mtime;
      };

      it(`stays the one that the kernel has just sent (${change.name})`, () => {
        const node = lookup('file');
        // A busy machine may take too long over one of them.
        const tries = Array.from({ length: 20 }, () => changed(node, 0n));
        assert(tries.includes(false));
      });

      it(`becomes that of the change when the kernel's is old (${change.name})`, () => {
        const node = lookup('file');
        assert(changed(node, SECOND));
        assert(changed(node, -SECOND));
      });
    }

    it('stays as it is when the file is cut to the size that it has', () => {
      const node = lookup('file');
      const before = statSync(join(root, 'base/file'), { bigint: true }).mtimeNs;
      const body = Buffer.alloc(88);
      body.writeUInt32LE(SetattrFlag.SIZE, SetattrIn.valid);
      body.writeBigUInt64LE(7n, SetattrIn.size);
      assert.equal(kernel.ask(Opcode.SETATTR, node, body).error, 0);
      assert.equal(stored(), before);
      body.writeBigUInt64LE(5n, SetattrIn.size);
      assert.equal(kernel.ask(Opcode.SETATTR, node, body).error, 0);
      assert.notEqual(stored(), before);
    });
  });

  it('reads no more than there is', () => {
    const body = Buffer.alloc(40);
    body.writeUInt32LE(4096, ReadIn.size);
    const { error, payload } = kernel.ask(Opcode.READ, lookup('file'), body);
    assert.equal(error, 0);
    assert.equal(payload.toString(), 'content');
  });

  /** Names and offsets of the entries in the reply to READDIR or READDIRPLUS. */
  function entries(payload: Buffer, before: number): { name: string; next: bigint }[] {
    const found: { name: string; next: bigint }[] = [];
    for (let at = before; at < payload.length;) {
      const end = at + Dirent.SIZE + payload.readUInt32LE(at + Dirent.namelen);
      found.push({
        name: payload.toString('latin1', at + Dirent.SIZE, end),
        next: payload.readBigUInt64LE(at + Dirent.off),
      });
      at += ((end - at + 7) & ~7) + before;
    }
    return found;
  }

  for (const [opcode, before] of [
    [Opcode.READDIR, 0],
    [Opcode.READDIRPLUS, EntryOut.SIZE],
  ] as const) {
    it(`lists a directory in pieces, ${before > 0 ? 'with' : 'without'} attributes`, () => {
      const names = Array.from({ length: 20 }, (_, i) => `file${i}`);
      for (const name of names) writeFileSync(join(root, 'base', name), '');
      const listed: string[] = [];
      const body = Buffer.alloc(40);
      body.writeUInt32LE(1000, ReadIn.size);
      for (;;) {
        const { error, payload } = kernel.ask(opcode, ROOT, body);
        assert.equal(error, 0);
        if (payload.length === 0) break;
        assert(payload.length <= 1000);
        const piece = entries(payload, before);
        listed.push(...piece.map(({ name }) => name));
        body.writeBigUInt64LE(piece.at(-1)!.next, ReadIn.offset);
      }
      assert.deepEqual(listed.sort(), ['.', '..', 'file', ...names].sort());
      assert.equal(engine.lookup(engine.root, 'file3')!.lookups, before > 0 ? 1 : 0);
    });
  }

  it('refuses positions beyond what a number can tell exactly', () => {
    const body = Buffer.alloc(40);
    body.writeBigUInt64LE(2n ** 60n, ReadIn.offset);
    assert.equal(kernel.ask(Opcode.READ, lookup('file'), body).error, -E.EFBIG);
  });

  it('makes a file without a name as if it had been opened, and lets it go when it is forgotten', () => {
    const body = Buffer.alloc(CreateIn.SIZE + 2);
    body.writeUInt32LE(S_IFREG | 0o666, CreateIn.mode);
    body.writeUInt32LE(0o027, CreateIn.umask);
    body.write('/', CreateIn.SIZE);
    const { error, payload } = kernel.ask(Opcode.TMPFILE, ROOT, body);
    assert.equal(error, 0);
    assert.equal(payload.length, EntryOut.SIZE + OpenOut.SIZE);
    assert.equal(payload.readUInt32LE(EntryOut.attr + Attr.mode), S_IFREG | 0o640);
    assert.equal(payload.readUInt32LE(EntryOut.attr + Attr.nlink), 0);
    assert.equal(payload.readUInt32LE(EntryOut.SIZE + OpenOut.open_flags), FOPEN_KEEP_CACHE);
    const node = Number(payload.readBigUInt64LE(EntryOut.nodeid));
    assert.equal(kernel.ask(Opcode.RELEASE, node, Buffer.alloc(24)).error, 0);
    const attributes = Buffer.alloc(16);
    assert.equal(kernel.ask(Opcode.GETATTR, node, attributes).error, 0);
    const forget = Buffer.alloc(8);
    forget.writeBigUInt64LE(1n, ForgetIn.nlookup);
    kernel.tell(Opcode.FORGET, node, forget);
    assert.equal(kernel.ask(Opcode.GETATTR, node, attributes).error, -E.ESTALE);
  });

  describe('notifications', () => {
    it('name an inode and a range', () => {
      const message = encode({ kind: 'inode', id: 5, offset: -1, length: 0 });
      assert.equal(
        message.toString('hex'),
        '28000000' + '02000000' + '0'.repeat(16) + '05'.padEnd(16, '0') + 'f'.repeat(16) + '0'.repeat(16),
      );
    });

    it('name an entry, whose name may be any bytes', () => {
      const message = encode({ kind: 'entry', parentId: 1, parentPath: '', name: 'a\xff', stays: false });
      assert.equal(
        message.toString('hex'),
        '23000000' + '03000000' + '0'.repeat(16) + '01'.padEnd(16, '0') + '02000000' + '00000000' + '61ff00',
      );
    });
  });

  it('finds the entry that a staged name stands for', () => {
    const entry = { parentId: 12, name: '3:a\nb' };
    assert.deepEqual(parseStagedName(stagedName(entry)), entry);
    assert.equal(parseStagedName('12:'), null);
    assert.equal(parseStagedName('other'), null);
  });
});
