import { writeFileSync } from 'node:fs';
import * as calls from '../calls';
import { fails, succeeds } from '../calls';
import { conforms, subjects } from '../fixture';
import { flock, lock } from '../locks';
import { OtherProcess } from '../otherProcess';

function prepare(directory: string): void {
  writeFileSync(`${directory}/file`, 'x'.repeat(100));
}

describe('Locks', () => {
  subjects(prepare, (s) => {
    const open = (): number => succeeds(calls.open(s.path('file'), calls.O_RDWR));

    conforms('of open file descriptions exclude each other by range', () => {
      const [first, second] = [open(), open()];
      succeeds(lock('ofd', first, 'write', 0, 10));
      fails('EAGAIN', lock('ofd', second, 'read', 5, 10));
      succeeds(lock('ofd', second, 'write', 10, 10));
      succeeds(lock('ofd', first, 'unlock', 0, 10));
      succeeds(lock('ofd', second, 'write', 0, 10));
    });

    conforms('of open file descriptions are shared by readers, and go with the last close', () => {
      const [first, second] = [open(), open()];
      succeeds(lock('ofd', first, 'read'));
      succeeds(lock('ofd', second, 'read'));
      fails('EAGAIN', lock('ofd', second, 'write'));
      calls.close(first);
      succeeds(lock('ofd', second, 'write'));
    });

    conforms('of flock exclude each other, are shared by readers, and go with the last close', () => {
      const [first, second] = [open(), open()];
      succeeds(flock(first, 'write'));
      fails('EAGAIN', flock(second, 'read'));
      succeeds(flock(first, 'read'));
      succeeds(flock(second, 'read'));
      calls.close(first);
      succeeds(flock(second, 'write'));
    });

    conforms('stay when the file is written, renamed and unlinked', () => {
      const [first, second] = [open(), open()];
      succeeds(lock('ofd', first, 'write'));
      succeeds(flock(first, 'write'));
      succeeds(calls.pwrite(second, Buffer.from('new'), 3, 0));
      succeeds(calls.rename(s.path('file'), s.path('new')));
      const third = succeeds(calls.open(s.path('new'), calls.O_RDWR));
      fails('EAGAIN', lock('ofd', third, 'write'));
      fails('EAGAIN', flock(third, 'write'));
      succeeds(calls.rename(s.path('new'), s.path('file')));
    });

    conforms('of processes exclude each other by range, and go with the process', async () => {
      const other = new OtherProcess();
      const fd = open();
      try {
        const path = s.path('file');
        succeeds(await other.ask({ do: 'lock', path, type: 'write', start: 0, length: 10 }));
        fails('EAGAIN', lock('posix', fd, 'write', 5, 10));
        fails('EAGAIN', lock('ofd', fd, 'read', 5, 10));
        succeeds(lock('posix', fd, 'write', 10, 10));
        fails('EAGAIN', await other.ask({ do: 'lock', path, type: 'read', start: 15, length: 1 }));
      } finally {
        await other.end();
      }
      succeeds(lock('posix', fd, 'write', 0, 10));
    });
  });
});
