import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { S_IFREG } from '../../../src/sys/stat';
import { EngineSandbox } from './support/sandbox';

describe('A scratch below a directory that hands on its group and an access control list', () => {
  let sandbox: EngineSandbox;

  beforeEach(function () {
    if (userInfo().uid !== 0) this.skip();
    sandbox = new EngineSandbox();
    for (const name of ['changed', 'replaced']) writeFileSync(join(sandbox.bases[0]!, name), name);
    execFileSync('chgrp', ['1234', sandbox.root]);
    execFileSync('chmod', ['2755', sandbox.root]);
    execFileSync('setfacl', ['-d', '-m', 'u:1000:rwx', sandbox.root]);
  });

  afterEach(() => {
    sandbox.dispose();
  });

  for (const whiteouts of ['device', 'xattr'] as const) {
    it(`gives nothing of that to the files in the mount (${whiteouts} whiteouts)`, () => {
      if (whiteouts === 'xattr') sandbox.presetXattrWhiteouts();
      const { mount } = sandbox;
      mount.write('changed', 0, Buffer.from('C'));
      mount.unlink('replaced');
      mount.mknod('replaced', S_IFREG | 0o644, 0);
      mount.mkdir('created', 0o755);
      mount.mknod('created/file', S_IFREG | 0o644, 0);
      mount.tmpfile('@0', 'created', 0o644);
      for (const path of ['', 'changed', 'replaced', 'created', 'created/file', '@0']) {
        assert.deepEqual([...mount.xattrs(path).keys()], [], path);
        assert.equal(mount.stat(path).gid, 0, path);
      }
    });
  }
});
