import { strict as assert } from 'node:assert';
import { linkSync, lstatSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job } from '../../../src/core/job';
import { EngineSandbox } from './support/sandbox';

const DIRECTORIES = 100;
const PAST = 1_000_000_000;

describe('What the engine reads of a base for its own purposes', () => {
  let sandbox: EngineSandbox;
  let base: string;
  let paths: string[];

  beforeEach(() => {
    sandbox = new EngineSandbox();
    base = sandbox.bases[0]!;
    for (let i = 0; i < DIRECTORIES; i++) {
      mkdirSync(join(base, `directory/${i}`), { recursive: true });
      writeFileSync(join(base, `directory/${i}/file`), 'base');
    }
    writeFileSync(join(base, 'first'), 'base');
    linkSync(join(base, 'first'), join(base, 'directory/0/second'));
    writeFileSync(join(base, 'rewritten'), 'base');
    paths = ['', ...(readdirSync(base, { recursive: true }) as string[])];
    for (const path of paths) utimesSync(join(base, path), PAST, PAST);
  });

  afterEach(() => {
    sandbox.dispose();
  });

  /** Changes a file with several names and takes away the name of which the scratch has an entry. */
  function loseName(): void {
    sandbox.mount.write('first', 0, Buffer.from('new!'));
    sandbox.mount.unlink('first');
  }

  /** Takes a job to its end; returns how many steps it took. */
  function stepsOf(job: Job<unknown>, between: (step: number) => void = () => undefined): number {
    let steps = 0;
    sandbox.run(job, () => between(steps++));
    return steps;
  }

  function listed(): string[] {
    return sandbox.engine.changes.list().changes.map(({ kind, path }) => `${kind} ${path}`);
  }

  it('leaves no access times', () => {
    const { engine, mount } = sandbox;
    loseName();
    mount.write('rewritten', 0, Buffer.from('base'));
    mount.write('directory/1/file', 0, Buffer.from('new!'));
    mount.rename('directory/2', 'renamed', 0);
    for (const name of ['directory/3/file', 'directory/4/file']) mount.unlink(name);
    mount.rmdir('directory/3');
    mount.mkdir('directory/3', 0o755);
    mount.rmdir('directory/4');
    sandbox.run(engine.changes.update());
    sandbox.run(engine.commit({ dryRun: true }));
    sandbox.run(engine.verify());
    const { undoId } = sandbox.run(engine.discard({}));
    sandbox.run(engine.undoDiscard(undoId));
    for (const path of paths) assert.equal(lstatSync(join(base, path)).atimeMs, PAST * 1000, path);
  });

  it('is read in steps: the names of a file that lost one', () => {
    loseName();
    assert.ok(stepsOf(sandbox.engine.changes.update()) > DIRECTORIES);
    assert.deepEqual(listed(), ['changed directory/0/second', 'whiteout first']);
  });

  it('is read in steps: a directory that was deleted', () => {
    const { engine, mount } = sandbox;
    for (let i = 0; i < DIRECTORIES; i++) {
      for (const { name } of mount.list(`directory/${i}`)) mount.unlink(`directory/${i}/${name}`);
      mount.rmdir(`directory/${i}`);
    }
    mount.rmdir('directory');
    sandbox.run(engine.changes.update());
    assert.ok(stepsOf(engine.commit({ dryRun: true })) > DIRECTORIES);
  });

  for (const at of [5, 50, 95]) {
    it(`finds the names of a file also when they move meanwhile, at step ${at}`, () => {
      const { engine, mount } = sandbox;
      loseName();
      stepsOf(engine.changes.update(), (step) => {
        if (step !== at) return;
        mount.rename('directory/0', 'moved', 0);
        mount.rename('moved/second', 'moved/third', 0);
      });
      assert.deepEqual(listed(), ['whiteout first', 'renamed moved', 'renamed moved/third']);
      assert.equal(mount.read('moved/third').toString(), 'new!');
    });
  }
});
