import { strict as assert } from 'node:assert';
import * as calls from '../calls';
import { fails, succeeds } from '../calls';
import { conforms, remount, subject, subjects } from '../fixture';

/** Byte strings. */
const names: Readonly<Record<string, string>> = {
  'of 255 bytes': 'n'.repeat(255),
  'of 255 bytes that begin with .wh.': `.wh.${'n'.repeat(251)}`,
  '.wh.x, a whiteout elsewhere': '.wh.x',
  '.wh..wh..opq, an opaque directory elsewhere': '.wh..wh..opq',
  'in UTF-8': Buffer.from('naïve ☃ 𝄞').toString('latin1'),
  'that is no UTF-8': 'a\xff\xfe\x80b',
  'of an overlong encoding': '\xc0\xaf',
  'of control characters': '\x01\n\t\x7f',
  'of spaces': '  ',
  'with a backslash': 'a\\b',
  'with a leading dash': '-rf',
  '...': '...',
};
const PATH_MAX = 4096;

function create(path: string): void {
  calls.close(succeeds(calls.open(path, calls.O_WRONLY | calls.O_CREAT | calls.O_EXCL)));
}

describe('Names', () => {
  for (const [title, name] of Object.entries(names)) {
    describe(title, () => {
      subjects(
        (directory) => create(`${directory}/${name}`),
        (s) => {
          conforms('is listed, read, written, renamed and removed', () => {
            assert.deepEqual(calls.list(s.path()), [name]);
            const fd = succeeds(calls.open(`${s.path()}/${name}`, calls.O_RDWR));
            assert.equal(calls.pwrite(fd, Buffer.from('bytes'), 5, 0), 5);
            calls.close(fd);
            succeeds(calls.rename(`${s.path()}/${name}`, s.path('other')));
            assert.deepEqual(calls.list(s.path()), ['other']);
            assert.equal(calls.lstat(s.path('other')).size, 5);
            succeeds(calls.rename(s.path('other'), `${s.path()}/${name}`));
            succeeds(calls.unlink(`${s.path()}/${name}`));
            assert.deepEqual(calls.list(s.path()), []);
            fails('ENOENT', calls.unlink(`${s.path()}/${name}`));
          });
        },
      );
    });
  }

  describe('.wh.x beside x', () => {
    subjects(
      (directory) => {
        create(`${directory}/x`);
        create(`${directory}/.wh.x`);
      },
      (s) => {
        conforms('are two files, also after a remount', async () => {
          assert.deepEqual(calls.list(s.path()), ['.wh.x', 'x']);
          succeeds(calls.unlink(s.path('x')));
          assert.deepEqual(calls.list(s.path()), ['.wh.x']);
          await remount();
          assert.deepEqual(calls.list(s.path()), ['.wh.x']);
        });
      },
    );
  });

  describe('paths', () => {
    const s = subject('scratch-only');
    conforms('of PATH_MAX bytes with their NUL work, and one byte more does not', () => {
      let path = s.path();
      while (PATH_MAX - 1 - path.length > 256) {
        path += `/${'d'.repeat(200)}`;
        succeeds(calls.mkdir(path));
      }
      const room = PATH_MAX - 1 - path.length - 1;
      create(`${path}/${'f'.repeat(room)}`);
      assert.deepEqual(calls.list(path), ['f'.repeat(room)]);
      fails('ENAMETOOLONG', calls.open(`${path}/${'f'.repeat(room + 1)}`, calls.O_RDONLY));
      // In a scratch its path would be too long for removing it.
      succeeds(calls.unlink(`${path}/${'f'.repeat(room)}`));
    });
  });
});
