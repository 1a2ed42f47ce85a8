import { strict as assert } from 'node:assert';
import { homedir, userInfo } from 'node:os';
import { findHome, socketPath } from '../../../src/protocol/home';

describe('home', () => {
  const outside = `/var/tmp/cowspace-${userInfo().uid}`;

  it('follows the XDG directories', () => {
    const home = findHome({ XDG_DATA_HOME: '/data', XDG_RUNTIME_DIR: '/run/user/7' });
    assert.deepEqual(home, {
      workspaces: '/data/cowspace/workspaces',
      mounts: '/data/cowspace/mounts',
      run: '/run/user/7/cowspace',
      outside,
    });
  });

  it('has defaults, also for XDG paths that are relative and so to be ignored', () => {
    const home = findHome({ XDG_DATA_HOME: 'data', XDG_RUNTIME_DIR: '' });
    assert.equal(home.workspaces, `${homedir()}/.local/share/cowspace/workspaces`);
    assert.equal(home.run, `/tmp/cowspace-${userInfo().uid}`);
  });

  it('keeps everything in COWSPACE_HOME', () => {
    const home = findHome({ COWSPACE_HOME: '/x', XDG_DATA_HOME: '/data', XDG_RUNTIME_DIR: '/run' });
    assert.deepEqual(home, { workspaces: '/x/workspaces', mounts: '/x/mounts', run: '/x/run', outside });
  });

  it('keeps sockets where their paths fit, each its own', () => {
    const deep = findHome({ COWSPACE_HOME: `/${'d'.repeat(100)}` });
    assert.equal(deep.run, `/tmp/cowspace-${userInfo().uid}`);
    const other = findHome({ COWSPACE_HOME: `/${'e'.repeat(100)}` });
    const paths = [socketPath(deep, 'a'), socketPath(deep, 'b'), socketPath(other, 'a')];
    assert.equal(new Set(paths).size, 3);
    for (const length of [70, 80, 81, 82, 83, 84, 85, 90]) {
      const path = socketPath(findHome({ COWSPACE_HOME: `/${'d'.repeat(length)}` }), 'x'.repeat(64));
      assert(Buffer.byteLength(path) <= 107, path);
    }
  });
});
