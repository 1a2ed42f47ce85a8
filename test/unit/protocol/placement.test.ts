import { strict as assert } from 'node:assert';
import { chownSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Home } from '../../../src/protocol/home';
import { isRefusedWith } from '../../../src/protocol/errors';
import { placeWorkspace, type Placement } from '../../../src/protocol/placement';

describe('the place of a workspace whose base holds all of the home directory', () => {
  let root: string;
  let home: Home;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'cow-placement-')));
    const own = (name: string): string => join(root, 'user', name);
    mkdirSync(join(root, 'user'));
    home = {
      workspaces: own('workspaces'),
      mounts: own('mounts'),
      run: own('run'),
      outside: join(root, 'outside'),
    };
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function place(given: { mount?: string; scratch?: string } = {}): Promise<Placement> {
    return placeWorkspace(home, 'a', [join(root, 'user')], given);
  }

  async function isRefused(): Promise<void> {
    await assert.rejects(place(), (error) => {
      assert(isRefusedWith(error, 'unsupported'), String(error));
      assert.equal(error.path, home.outside);
      assert.match(error.message, /only you can enter .*--mount and --scratch/);
      return true;
    });
  }

  it('is a folder outside that only the user can enter', async () => {
    const { mount, scratch } = await place();
    assert.equal(mount, join(home.outside, 'mounts/a'));
    assert.equal(scratch, join(home.outside, 'scratch/a'));
    assert.equal(lstatSync(home.outside).mode & 0o777, 0o700);
    await place();
  });

  it('is not a folder that others can enter', async () => {
    mkdirSync(home.outside, { mode: 0o755 });
    await isRefused();
    const chosen = { mount: join(root, 'mount'), scratch: join(root, 'scratch') };
    assert.equal((await place(chosen)).mount, chosen.mount);
  });

  it('is not the folder of another user', async function () {
    if (process.getuid!() !== 0) this.skip();
    mkdirSync(home.outside, { mode: 0o700 });
    chownSync(home.outside, 65534, 65534);
    await isRefused();
  });

  it('is not where a link leads', async () => {
    symlinkSync(join(root, 'nowhere'), home.outside);
    await isRefused();
    mkdirSync(join(root, 'nowhere'), { mode: 0o700 });
    await isRefused();
  });
});
