import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Node } from '../../../src/core/node';
import { S_IFREG } from '../../../src/sys/stat';
import { EngineSandbox } from './support/sandbox';

const caller = { uid: 0, gid: 0, umask: 0 };
/** How many entries one answer to a reader holds. */
const PAGE = 7;

describe('Listing a directory', () => {
  let sandbox: EngineSandbox;

  beforeEach(() => {
    sandbox = new EngineSandbox();
  });

  afterEach(() => {
    sandbox.dispose();
  });

  /** Makes files of the base before the engine is first used, and returns their directory. */
  function baseDirectory(count: number): Node {
    const path = join(sandbox.bases[0]!, 'directory');
    mkdirSync(path);
    for (let i = 0; i < count; i++) writeFileSync(join(path, `base${i}`), '');
    const { engine } = sandbox;
    const directory = engine.lookup(engine.root, 'directory')!;
    engine.remember(directory);
    return directory;
  }

  /** Reads all by pages, as a program does that calls `between` after each of them. */
  function readAll(directory: Node, withNodes: boolean, between: () => void): string[] {
    const { engine } = sandbox;
    const seen: string[] = [];
    const held: number[] = [];
    for (let cookie = 0, room = 0; room === 0;) {
      room = PAGE;
      engine.list(directory, cookie, withNodes, (name, node, _ino, _type, next) => {
        if (room === 0) return false;
        room--;
        cookie = next;
        seen.push(name);
        if (node !== null) {
          engine.remember(node);
          held.push(node.id);
        }
        return true;
      });
      between();
    }
    for (const id of held) engine.forget(id, 1);
    return seen;
  }

  for (const withNodes of [false, true]) {
    it(`shows entries that stay exactly once while others come and go${withNodes ? ', with nodes' : ''}`, () => {
      const directory = baseDirectory(60);
      const { engine } = sandbox;
      const create = (name: string): void => {
        engine.mknod(directory, name, S_IFREG | 0o600, 0, caller);
      };
      for (let i = 0; i < 20; i++) create(`created${i}`);
      // Of the base and of the scratch, in the order in which they are read and against it.
      const leaving = ['created0', 'base59', 'created19', 'base0', 'base30', 'created10', 'base31', 'base1'];
      const staying = readAll(directory, false, () => undefined).filter((name) => !leaving.includes(name));
      let pages = 0;
      const seen = readAll(directory, withNodes, () => {
        const name = leaving[pages++];
        if (name === undefined) return;
        engine.unlink(directory, name);
        create(`new${pages}`);
      });
      assert.ok(pages > leaving.length);
      for (const name of staying) assert.equal(seen.filter((each) => each === name).length, 1, name);
      assert.equal(new Set(seen).size, seen.length);
    });
  }

  it('with 100,000 entries takes memory for its names alone, and gives back what it took', function () {
    this.timeout(120_000);
    const count = 100_000;
    const directory = baseDirectory(count);
    const { engine } = sandbox;
    const before = heapUsed();
    let most = 0;
    let last = -1;
    for (const withNodes of [false, true]) {
      let entries = 0;
      for (let cookie = 0, room = 0; room === 0;) {
        room = 100;
        engine.list(directory, cookie, withNodes, (_name, node, _ino, _type, next) => {
          if (room === 0) return false;
          room--;
          cookie = next;
          entries++;
          if (node === null) return true;
          // What the kernel keeps no longer than it needs it.
          engine.remember(node);
          engine.forget(node.id, 1);
          last = node.id;
          return true;
        });
        if (entries === count / 2) most = Math.max(most, heapUsed() - before);
      }
      assert.equal(entries, count);
    }
    assert.throws(() => engine.node(last), { code: 'ESTALE' });
    assert.ok(most < 400 * count, `${most} bytes in the middle`);
    const left = heapUsed() - before;
    assert.ok(left < 10 * count, `${left} bytes left`);
  });

  it('with nodes that the kernel keeps leaves nothing in memory once it forgets them', () => {
    const directory = baseDirectory(2000);
    const { engine } = sandbox;
    const ids: number[] = [];
    engine.list(directory, 0, true, (_name, node) => {
      engine.remember(node!);
      ids.push(node!.id);
      return true;
    });
    assert.equal(ids.length, 2000);
    for (const id of ids) assert.equal(engine.node(id).id, id);
    for (const id of [...ids, directory.id]) engine.forget(id, 1);
    for (const id of [...ids, directory.id]) assert.throws(() => engine.node(id), { code: 'ESTALE' });
  });
});

/** Bytes of the heap that are in use. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
