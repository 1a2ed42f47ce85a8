import { strict as assert } from 'node:assert';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runChecked } from '../../support/command';
import * as calls from '../calls';
import { fails, succeeds } from '../calls';
import { conforms, subjects, type Subject } from '../fixture';
import { asStranger, stranger } from '../users';

const GROUP = 54_400;
/** `struct vfs_cap_data` of version 2 with CAP_NET_BIND_SERVICE, effective. */
const CAPABILITY = Buffer.from('0100000200040000000000000000000000000000', 'hex');

function permissions(path: string): string {
  return (calls.lstat(path).mode & 0o7777).toString(8);
}

function asRootOnly(prepare: (directory: string) => void): (directory: string) => void {
  return (directory) => {
    if (process.getuid?.() === 0) prepare(directory);
  };
}

function write(path: string): void {
  const fd = succeeds(calls.open(path, calls.O_WRONLY));
  succeeds(calls.pwrite(fd, Buffer.from('X'), 1, 0));
  calls.close(fd);
}

describe('Permissions', () => {
  describe('in a sticky directory', () => {
    subjects(
      asRootOnly((directory) => {
        mkdirSync(`${directory}/shared`);
        chmodSync(`${directory}/shared`, 0o1777);
        for (const name of ['ofRoot', 'ofStranger', 'second'])
          writeFileSync(`${directory}/shared/${name}`, '');
        chownSync(`${directory}/shared/ofStranger`, stranger.uid, stranger.gid);
      }),
      (s) => {
        conforms(
          'only the owner removes, renames and replaces a file',
          () => {
            asStranger(() => {
              fails('EPERM', calls.unlink(s.path('shared/ofRoot')));
              fails('EPERM', calls.rename(s.path('shared/ofRoot'), s.path('shared/new')));
              fails('EPERM', calls.rename(s.path('shared/ofStranger'), s.path('shared/second')));
              succeeds(calls.rename(s.path('shared/ofStranger'), s.path('shared/new')));
              succeeds(calls.unlink(s.path('shared/new')));
            });
          },
          'root',
        );
      },
    );
  });

  describe('in a setgid directory', () => {
    subjects(
      asRootOnly((directory) => {
        mkdirSync(`${directory}/team`);
        chownSync(`${directory}/team`, 0, GROUP);
        chmodSync(`${directory}/team`, 0o2777);
      }),
      (s) => {
        conforms(
          'new files and directories have its group, and new directories its bit',
          () => {
            asStranger(() => {
              succeeds(calls.open(s.path('team/file'), calls.O_CREAT | calls.O_WRONLY, 0o644));
              succeeds(calls.mkdir(s.path('team/dir'), 0o755));
              succeeds(calls.symlink('x', s.path('team/link')));
            });
            for (const name of ['file', 'dir', 'link']) {
              assert.equal(calls.lstat(s.path('team', name)).uid, stranger.uid);
              assert.equal(calls.lstat(s.path('team', name)).gid, GROUP);
            }
            assert.equal(permissions(s.path('team/file')), '644');
            assert.equal(permissions(s.path('team/dir')), '2755');
          },
          'root',
        );
        conforms(
          'a setgid file made by someone outside of the group has no such bit',
          () => {
            asStranger(() => {
              succeeds(calls.open(s.path('team/program'), calls.O_CREAT | calls.O_WRONLY, 0o2755));
            });
            assert.equal(permissions(s.path('team/program')), '755');
          },
          'root',
        );
      },
    );
  });

  describe('by supplementary groups', () => {
    subjects(
      asRootOnly((directory) => {
        writeFileSync(`${directory}/file`, 'secret');
        chownSync(`${directory}/file`, 0, GROUP);
        chmodSync(`${directory}/file`, 0o660);
      }),
      (s) => {
        conforms(
          'a member reads and writes, another does not',
          () => {
            asStranger(() => fails('EACCES', calls.open(s.path('file'), calls.O_RDONLY)));
            asStranger(() => write(s.path('file')), [GROUP]);
            assert.equal(readFileSync(s.path('file'), 'utf8'), 'Xecret');
          },
          'root',
        );
        conforms(
          'an owner gives a file to a group of theirs only',
          () => {
            chownSync(s.path('file'), stranger.uid, stranger.gid);
            asStranger(() => {
              succeeds(calls.chown(s.path('file'), 0xffff_ffff, GROUP));
              fails('EPERM', calls.chown(s.path('file'), 0xffff_ffff, GROUP + 1));
            }, [GROUP]);
            assert.equal(calls.lstat(s.path('file')).gid, GROUP);
          },
          'root',
        );
      },
    );
  });

  describe('the umask', () => {
    subjects(
      () => undefined,
      (s) => {
        conforms('is taken from modes of new files and directories', () => {
          const old = process.umask(0o027);
          try {
            succeeds(calls.open(s.path('file'), calls.O_CREAT | calls.O_WRONLY, 0o666));
            succeeds(calls.mkdir(s.path('dir'), 0o777));
          } finally {
            process.umask(old);
          }
          assert.equal(permissions(s.path('file')), '640');
          assert.equal(permissions(s.path('dir')), '750');
        });
      },
    );
  });

  describe('set-id bits', () => {
    const withProgram = asRootOnly((directory) => {
      writeFileSync(`${directory}/program`, 'code');
      chownSync(`${directory}/program`, stranger.uid, stranger.gid);
      chmodSync(`${directory}/program`, 0o6777);
    });
    const losses: readonly (readonly [what: string, act: (s: Subject) => void])[] = [
      ['a write', (s) => asStranger(() => write(s.path('program')))],
      ['truncate', (s) => void asStranger(() => succeeds(calls.truncate(s.path('program'), 1)))],
      [
        'O_TRUNC',
        (s) => void asStranger(() => succeeds(calls.open(s.path('program'), calls.O_WRONLY | calls.O_TRUNC))),
      ],
      [
        'fallocate',
        (s) =>
          asStranger(() => {
            const fd = succeeds(calls.open(s.path('program'), calls.O_WRONLY));
            succeeds(calls.fallocate(fd, 0, 0, 8192));
          }),
      ],
      ['chown', (s) => void succeeds(calls.chown(s.path('program'), 0, 0))],
    ];
    for (const [what, act] of losses) {
      subjects(withProgram, (s) => {
        conforms(
          `go with ${what}`,
          () => {
            assert.equal(permissions(s.path('program')), '6777');
            act(s);
            assert.equal(permissions(s.path('program')), '777');
          },
          'root',
        );
      });
    }
    subjects(withProgram, (s) => {
      conforms(
        'stay when root writes',
        () => {
          write(s.path('program'));
          assert.equal(permissions(s.path('program')), '6777');
        },
        'root',
      );
    });
  });

  describe('capabilities of a program', () => {
    const withProgram = asRootOnly((directory) => {
      writeFileSync(`${directory}/program`, 'code');
      succeeds(calls.setXattr(`${directory}/program`, 'security.capability', CAPABILITY));
    });
    const capability = (s: Subject): Buffer | undefined =>
      calls.getXattr(s.path('program'), 'security.capability');
    subjects(withProgram, (s) => {
      conforms(
        'stay through chmod and rename',
        () => {
          succeeds(calls.chmod(s.path('program'), 0o755));
          succeeds(calls.rename(s.path('program'), s.path('new')));
          succeeds(calls.rename(s.path('new'), s.path('program')));
          assert.deepEqual(capability(s), CAPABILITY);
        },
        'root',
      );
    });
    const losses: readonly (readonly [what: string, act: (s: Subject) => unknown])[] = [
      ['a write', (s) => write(s.path('program'))],
      ['truncate', (s) => succeeds(calls.truncate(s.path('program'), 1))],
      ['chown', (s) => succeeds(calls.chown(s.path('program'), 1, 1))],
    ];
    for (const [what, act] of losses) {
      subjects(withProgram, (s) => {
        conforms(
          `go with ${what}, even root's`,
          () => {
            assert.deepEqual(capability(s), CAPABILITY);
            act(s);
            assert.equal(capability(s), undefined);
          },
          'root',
        );
      });
    }
  });

  describe('attributes', () => {
    subjects(
      (directory) => {
        writeFileSync(`${directory}/file`, 'contents');
        succeeds(calls.setXattr(`${directory}/file`, 'user.a', 'first'));
        succeeds(calls.setXattr(`${directory}/file`, 'user.empty', ''));
      },
      (s) => {
        conforms('are kept through a write, changed, listed and removed', () => {
          write(s.path('file'));
          assert.deepEqual(
            calls.listXattr(s.path('file')).filter((name) => name.startsWith('user.')),
            ['user.a', 'user.empty'],
          );
          assert.equal(calls.getXattr(s.path('file'), 'user.a')?.toString(), 'first');
          assert.equal(calls.getXattr(s.path('file'), 'user.empty')?.length, 0);
          succeeds(calls.setXattr(s.path('file'), 'user.a', 'second'));
          assert.equal(calls.getXattr(s.path('file'), 'user.a')?.toString(), 'second');
          succeeds(calls.removeXattr(s.path('file'), 'user.empty'));
          assert.equal(calls.getXattr(s.path('file'), 'user.empty'), undefined);
        });
      },
    );
  });

  describe('access control lists', () => {
    const prepare = asRootOnly((directory) => {
      writeFileSync(`${directory}/file`, 'contents', { mode: 0o600 });
      mkdirSync(`${directory}/dir`, { mode: 0o700 });
    });
    /** An entry of `getfacl` without names and comments. */
    const acl = async (path: string): Promise<string[]> =>
      (await runChecked('getfacl', ['--numeric', '--absolute-names', '--omit-header', path]))
        .trim()
        .split('\n');
    subjects(prepare, (s) => {
      conforms(
        'give a user what they say, and go when they are removed',
        async () => {
          asStranger(() => fails('EACCES', calls.open(s.path('file'), calls.O_RDONLY)));
          await runChecked('setfacl', ['-m', `u:${stranger.uid}:rw`, s.path('file')]);
          assert.deepEqual(await acl(s.path('file')), [
            'user::rw-',
            `user:${stranger.uid}:rw-`,
            'group::---',
            'mask::rw-',
            'other::---',
          ]);
          assert.equal(permissions(s.path('file')), '660');
          asStranger(() => write(s.path('file')));
          await runChecked('setfacl', ['-b', s.path('file')]);
          asStranger(() => fails('EACCES', calls.open(s.path('file'), calls.O_RDONLY)));
        },
        'root',
      );
      conforms(
        'are masked by chmod',
        async () => {
          await runChecked('setfacl', ['-m', `u:${stranger.uid}:rw`, s.path('file')]);
          succeeds(calls.chmod(s.path('file'), 0o640));
          asStranger(() => {
            succeeds(calls.open(s.path('file'), calls.O_RDONLY));
            fails('EACCES', calls.open(s.path('file'), calls.O_WRONLY));
          });
          succeeds(calls.chmod(s.path('file'), 0o600));
          asStranger(() => fails('EACCES', calls.open(s.path('file'), calls.O_RDONLY)));
        },
        'root',
      );
      conforms(
        'that are defaults of a directory go to what is made in it, and its umask does not count',
        async () => {
          await runChecked('setfacl', ['-d', '-m', `u:${stranger.uid}:rwx`, s.path('dir')]);
          succeeds(calls.open(s.path('dir/file'), calls.O_CREAT | calls.O_WRONLY, 0o666));
          succeeds(calls.mkdir(s.path('dir/sub'), 0o777));
          assert.deepEqual(await acl(s.path('dir/file')), [
            'user::rw-',
            `user:${stranger.uid}:rwx\t#effective:rw-`,
            'group::---',
            'mask::rw-',
            'other::---',
          ]);
          assert.equal(permissions(s.path('dir/file')), '660');
          assert.equal(
            (await acl(s.path('dir/sub'))).filter((line) => line.startsWith('default:')).length,
            5,
          );
        },
        'root',
      );
    });
  });

  describe('access control lists of the base', () => {
    subjects(
      asRootOnly((directory) => {
        writeFileSync(`${directory}/file`, 'contents', { mode: 0o600 });
        // user::rw-, user:stranger:r--, group::---, mask::r--, other::---
        succeeds(calls.setXattr(`${directory}/file`, 'system.posix_acl_access', accessList(stranger.uid)));
      }),
      (s) => {
        conforms(
          'count before and after a write',
          () => {
            asStranger(() => succeeds(calls.open(s.path('file'), calls.O_RDONLY)));
            write(s.path('file'));
            asStranger(() => {
              succeeds(calls.open(s.path('file'), calls.O_RDONLY));
              fails('EACCES', calls.open(s.path('file'), calls.O_WRONLY));
            });
          },
          'root',
        );
      },
    );
  });
});

/** `struct posix_acl_xattr_header` and entries: the owner reads and writes, `uid` reads. */
function accessList(uid: number): Buffer {
  const ANYONE = 0xffff_ffff;
  const entries = [
    [0x01, 6, ANYONE],
    [0x02, 4, uid],
    [0x04, 0, ANYONE],
    [0x10, 4, ANYONE],
    [0x20, 0, ANYONE],
  ] as const;
  const list = Buffer.alloc(4 + 8 * entries.length);
  list.writeUInt32LE(2, 0);
  entries.forEach(([tag, permission, id], i) => {
    list.writeUInt16LE(tag, 4 + 8 * i);
    list.writeUInt16LE(permission, 6 + 8 * i);
    list.writeUInt32LE(id, 8 + 8 * i);
  });
  return list;
}
