import { strict as assert } from 'node:assert';
import { gitPatch, type PatchSide } from '../../../src/daemon/patch';

function file(path: string, text: string, mode = 0o100644): PatchSide {
  return { path, type: 'file', mode, text };
}

function link(path: string, text: string): PatchSide {
  return { path, type: 'symlink', mode: 0o120777, text };
}

describe('patch', () => {
  it('says what is new and what is gone', () => {
    assert.equal(
      gitPatch(null, file('a', 'x\n', 0o100755)),
      'diff --git a/a b/a\nnew file mode 100755\n--- /dev/null\n+++ b/a\n@@ -0,0 +1,1 @@\n+x\n',
    );
    assert.equal(
      gitPatch(file('a', 'x'), null),
      'diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n\\ No newline at end of file\n',
    );
    assert.equal(gitPatch(null, file('empty', '')), 'diff --git a/empty b/empty\nnew file mode 100644\n');
  });

  it('says what was renamed, with and without a change of its lines', () => {
    const header = 'diff --git a/a b/b\nrename from a\nrename to b\n';
    assert.equal(gitPatch(file('a', 'x\n'), file('b', 'x\n')), header);
    assert.equal(
      gitPatch(file('a', 'x\n'), file('b', 'y\n')),
      `${header}--- a/a\n+++ b/b\n@@ -1,1 +1,1 @@\n-x\n+y\n`,
    );
  });

  it('knows of modes only whether a file can be executed', () => {
    assert.equal(
      gitPatch(file('a', 'x'), file('a', 'x', 0o100755)),
      'diff --git a/a b/a\nold mode 100644\nnew mode 100755\n',
    );
    assert.equal(gitPatch(file('a', 'x'), file('a', 'x', 0o100600)), '');
  });

  it('makes two patches of a file that became a link', () => {
    const patch = gitPatch(file('a', 'x\n'), link('a', 'target'));
    assert.match(
      patch,
      /deleted file mode 100644\n[^]*new file mode 120000\n[^]*\+target\n\\ No newline at end of file\n$/,
    );
  });

  it('quotes names as Git does', () => {
    const patch = gitPatch(null, file('ü "\n', ''));
    assert.match(patch, /^diff --git "a\/\\303\\274 \\"\\n" "b\/\\303\\274 \\"\\n"\n/);
  });

  it('keeps carriage returns', () => {
    assert.match(gitPatch(file('a', 'x\r\ny\r\n'), file('a', 'x\r\nz\r\n')), / x\r\n-y\r\n\+z\r\n/);
  });

  it('does not take long for texts that have little in common', () => {
    const text = (seed: number): string =>
      Array.from({ length: 20_000 }, (_, i) => `${(i * seed) % 9973}\n`).join('');
    const start = performance.now();
    const patch = gitPatch(file('a', text(17)), file('a', text(7919)));
    console.log(`      ${(performance.now() - start).toFixed()} ms`);
    assert.match(patch, /^@@ -1,20000 \+1,20000 @@$/m);
  });
});
