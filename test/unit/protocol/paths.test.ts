import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isWithin, realTarget } from '../../../src/protocol/paths';

describe('paths', () => {
  it('tells what lies in a folder', () => {
    assert(isWithin('/a', '/a'));
    assert(isWithin('/a/b', '/a'));
    assert(isWithin('/a', '/'));
    assert(!isWithin('/ab', '/a'));
    assert(!isWithin('/', '/a'));
  });

  it('resolves links on the way to what does not exist yet', async () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'cow-paths-')));
    try {
      mkdirSync(join(root, 'real'));
      symlinkSync('real', join(root, 'link'));
      assert.equal(await realTarget(join(root, 'link')), join(root, 'real'));
      assert.equal(await realTarget(join(root, 'link/new/deep')), join(root, 'real/new/deep'));
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
