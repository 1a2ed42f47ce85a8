import { strict as assert } from 'node:assert';
import { chmodSync } from 'node:fs';
import { userInfo } from 'node:os';
import { runChecked } from '../support/command';
import { useSandbox } from '../support/sandbox';

/** Prints all access control lists of a tree. */
const facts = 'find . | sort | xargs getfacl';

/** What the base has before it is copied. */
const prepare = `
  echo base > file; echo base > given; chown 65534 given; chmod 2664 given
  mkdir old; echo gone > old/gone; mkdir old/gone-too
  setfacl -m d:u:1234:rwx,d:g::rx,d:o::- old
`;

/** Prints all that access control lists have an effect on. */
const use = `
  umask 027
  mkdir new; setfacl -m d:u:1234:rwx,d:g::rx,d:o::- new
  touch new/file; mkdir new/dir
  rm old/gone; touch old/gone; rmdir old/gone-too; mkdir old/gone-too; touch old/file
  as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
  chmod 700 file
  as_nobody cat file || echo refused
  setfacl -m u:65534:r file
  as_nobody cat file || echo refused
  as_nobody setfacl -m u:1234:rw given
  chmod g+s new; mkdir new/inherits
  setfacl -m u:1234:rw new/file; chmod 600 new/file; setfacl -b new/dir
  ${facts}
  find . -exec stat --format='%a %U:%G %n' {} + | sort -k3
`;

describe('access control lists', () => {
  const sandbox = useSandbox();

  it('work, are inherited and committed as in a plain directory', async function () {
    if (userInfo().uid !== 0) this.skip();
    chmodSync(sandbox().root, 0o755);
    const plain = sandbox().directory('plain');
    await sh(plain, prepare);
    const base = sandbox().path('base');
    await runChecked('cp', ['-a', plain, base]);
    const { mount } = await sandbox().cowspace.create([base], '--name', 'a', '--allow-other');
    const expected = await sh(plain, use);
    assert.match(expected, /user:1234:rwx/);
    assert.equal(await sh(mount, use), expected);
    await sandbox().cowspace.json(['unmount', 'a']);
    await sandbox().cowspace.mount('a');
    assert.equal(await sh(mount, facts), await sh(plain, facts));
    await sandbox().cowspace.commit('a');
    assert.equal(await sh(base, facts), await sh(plain, facts));
    assert.deepEqual((await sandbox().cowspace.status('a')).changes, []);
  });
});

function sh(cwd: string, script: string): Promise<string> {
  return runChecked('sh', ['-c', `exec 2>&1; ${script}`], { cwd });
}
