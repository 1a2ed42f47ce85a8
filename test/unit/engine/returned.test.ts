import { strict as assert } from 'node:assert';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { S_IFREG } from '../../../src/sys/stat';
import { assertSame, readImage } from './support/image';
import { EngineSandbox } from './support/sandbox';

describe('A directory that was renamed and came back', () => {
  let sandbox: EngineSandbox;

  beforeEach(() => {
    sandbox = new EngineSandbox();
    const above = join(sandbox.bases[0]!, 'top/above');
    mkdirSync(join(above, 'returned'), { recursive: true });
    writeFileSync(join(above, 'returned/file'), 'base');
    writeFileSync(join(above, 'other'), 'base');
    sandbox.mount.rename('top/above/returned', 'out', 0);
  });

  afterEach(() => {
    sandbox.dispose();
  });

  it('moves with the one that it is in', () => {
    const { mount } = sandbox;
    mount.rename('top/above', 'top/elsewhere', 0);
    mount.rename('out', 'top/elsewhere/returned', 0);
    assertCommitted();
  });

  it('moves with the one that it is in, if that changes its place with another', () => {
    const { mount } = sandbox;
    mount.rename('out', 'top/above/returned', 0);
    mount.rename('top/above', 'above', 0);
    mount.rename('top', 'above/top', 0);
    mount.rename('above', 'top', 0);
    assertCommitted();
  });

  it('moves with one in which it hides the others', () => {
    const { mount } = sandbox;
    mount.unlink('top/above/other');
    mount.rmdir('top/above');
    mount.mkdir('top/above', 0o755);
    mount.rename('out', 'top/above/returned', 0);
    mount.rename('top', 'elsewhere', 0);
    assertCommitted();
  });

  it('leaves nothing in the scratch', () => {
    const { mount } = sandbox;
    mount.rename('out', 'top/above/returned', 0);
    mount.mknod('top/above/returned/new', S_IFREG | 0o644, 0);
    assertCommitted();
    assert.deepEqual(readdirSync(join(sandbox.scratch, 'upper')), []);
  });

  /** A commit leaves the mount as it is, and the base equal to it. */
  function assertCommitted(): void {
    const { engine, mount } = sandbox;
    const before = readImage(mount);
    sandbox.run(engine.commit({}), () => {
      assertSame('a fresh look at the mount', sandbox.coldView(), before, { directoryTimes: true });
    });
    assert.deepEqual(sandbox.listed(), []);
    assertSame('the base', sandbox.baseImage(), before);
    assertSame('the mount', readImage(mount), before, { directoryTimes: true });
  }
});
