import { strict as assert } from 'node:assert';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkLocations, prepareMountPoint } from '../../../src/daemon/locations';
import { CowspaceError, type ErrorCode } from '../../../src/protocol/errors';

describe('locations', () => {
  let root: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'cow-locations-')));
    mkdirSync(join(root, 'base/sub'), { recursive: true });
    mkdirSync(join(root, 'base2'));
    writeFileSync(join(root, 'file'), '');
    symlinkSync('base', join(root, 'link'));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function check(bases: string[], mount: string, scratch: string): ReturnType<typeof checkLocations> {
    const [absoluteMount, absoluteScratch] = [join(root, mount), join(root, scratch)];
    const locations = {
      bases: bases.map((base) => join(root, base)),
      mount: absoluteMount,
      scratch: absoluteScratch,
    };
    return checkLocations(locations, join(root, 'outside'));
  }

  async function refuses(code: ErrorCode, pattern: RegExp, promise: Promise<unknown>): Promise<void> {
    await assert.rejects(promise, (error) => {
      assert(error instanceof CowspaceError);
      assert.match(error.message, pattern);
      return error.code === code;
    });
  }

  it('resolves symbolic links', async () => {
    assert.deepEqual(await check(['link', 'base2'], 'm', 's'), {
      bases: [join(root, 'base'), join(root, 'base2')],
      mount: join(root, 'm'),
      scratch: join(root, 's'),
    });
  });

  it('lets neighbours alone, whose names begin alike', async () => {
    await check(['base'], 'base3', 'base-scratch');
  });

  it('refuses what lies within each other, also by way of a link', async () => {
    await refuses('overlap', /mount point .*inside the base .*--mount/, check(['base'], 'link/new/m', 's'));
    await refuses(
      'overlap',
      /scratch .*inside the base .*--scratch/,
      check(['base2', 'base'], 'm', 'base/s'),
    );
    await refuses('overlap', /base .*inside the mount point/, check(['base/sub'], 'base', 's'));
    await refuses('overlap', /base .*inside the scratch/, check(['base/sub'], 'm', 'link'));
    await refuses('overlap', /mount point .*inside the scratch/, check(['base'], 's/m', 's'));
    await refuses('overlap', /scratch .*inside the mount point/, check(['base'], 'm', 'm/s'));
    await refuses('overlap', /inside/, check(['base'], 'm', 'm'));
  });

  it('wants each base to be a folder, and once', async () => {
    await refuses('not-found', /does not exist/, check(['none'], 'm', 's'));
    await refuses('usage', /not a folder/, check(['file'], 'm', 's'));
    await refuses('usage', /twice/, check(['base', 'link'], 'm', 's'));
  });

  it('are not in a folder outside of the home directory that others can enter', async () => {
    mkdirSync(join(root, 'outside'), { mode: 0o755 });
    await check(['base'], 'm', 's');
    await refuses('unsupported', /mode 0700.*--scratch/, check(['base'], 'm', 'outside/scratch/a'));
    await refuses('unsupported', /mode 0700/, check(['base'], 'outside/mounts/a', 's'));
    chmodSync(join(root, 'outside'), 0o700);
    await check(['base'], 'outside/mounts/a', 'outside/scratch/a');
  });

  it('makes a mount point, or takes an empty one', async () => {
    await prepareMountPoint(join(root, 'new/m'));
    await prepareMountPoint(join(root, 'new/m'));
    await refuses('not-empty', /not empty/, prepareMountPoint(join(root, 'new')));
    await refuses('not-empty', /not a folder/, prepareMountPoint(join(root, 'file')));
    await refuses('not-empty', /not a folder/, prepareMountPoint(join(root, 'file/m')));
  });
});
