import { strict as assert } from 'node:assert';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { E } from '../../../src/sys/errno';
import { O_NONBLOCK, read } from '../../../src/sys/file';
import { bind } from '../../../src/sys/libc';
import * as calls from '../calls';
import { succeeds } from '../calls';
import { conforms, subjects, type Subject } from '../fixture';

const libc = {
  init: bind('inotify_init1', 'int', ['int']),
  addWatch: bind('inotify_add_watch', 'int', ['int', 'void *', 'unsigned int']),
};
/** `IN_*` bits that a watcher of a directory gets for what changes in it. */
const masks = {
  modify: 0x2,
  attrib: 0x4,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
} as const;
const ALL = Object.values(masks).reduce((all, mask) => all | mask, 0);

/** What a watcher of a directory is told while something is done, such as `create new`. */
function watched(directory: string, work: () => void): string[] {
  const fd = succeeds(libc.init(O_NONBLOCK));
  try {
    succeeds(libc.addWatch(fd, Buffer.from(`${directory}\0`), ALL));
    work();
    return readEvents(fd);
  } finally {
    calls.close(fd);
  }
}

/** Walks `struct inotify_event` records. */
function readEvents(fd: number): string[] {
  const buffer = Buffer.alloc(16_384);
  const length = read(fd, buffer, buffer.length);
  if (length === -E.EAGAIN) return [];
  const events: string[] = [];
  for (let at = 0; at < succeeds(length);) {
    const mask = buffer.readUInt32LE(at + 4);
    const nameLength = buffer.readUInt32LE(at + 12);
    const name = buffer.toString('utf8', at + 16, buffer.indexOf(0, at + 16));
    const kind = Object.entries(masks).find(([, bit]) => (mask & bit) !== 0)?.[0];
    events.push(`${kind ?? 'other'} ${name}`);
    at += 16 + nameLength;
  }
  return events;
}

const cases: readonly (readonly [title: string, act: (s: Subject) => void, events: readonly string[]])[] = [
  ['a write', (s) => overwrite(s.path('file')), ['modify file']],
  ['truncate', (s) => truncateSync(s.path('file'), 1), ['modify file']],
  ['chmod', (s) => chmodSync(s.path('file'), 0o600), ['attrib file']],
  ['creat', (s) => writeFileSync(s.path('new'), ''), ['create new']],
  ['mkdir', (s) => mkdirSync(s.path('new')), ['create new']],
  ['symlink', (s) => symlinkSync('x', s.path('new')), ['create new']],
  ['link', (s) => linkSync(s.path('file'), s.path('new')), ['create new']],
  ['unlink', (s) => rmSync(s.path('file')), ['delete file']],
  ['rmdir', (s) => rmdirSync(s.path('dir')), ['delete dir']],
  ['rename of a file', (s) => renameSync(s.path('file'), s.path('new')), ['movedFrom file', 'movedTo new']],
  [
    'rename of a directory',
    (s) => renameSync(s.path('dir'), s.path('new')),
    ['movedFrom dir', 'movedTo new'],
  ],
  [
    'rename over a file',
    (s) => renameSync(s.path('file'), s.path('other')),
    ['movedFrom file', 'movedTo other'],
  ],
];

function overwrite(path: string): void {
  const fd = succeeds(calls.open(path, calls.O_WRONLY));
  succeeds(calls.pwrite(fd, Buffer.from('X'), 1, 0));
  calls.close(fd);
}

describe('Watching with inotify', () => {
  for (const [title, act, events] of cases) {
    describe(title, () => {
      subjects(
        (directory) => {
          writeFileSync(`${directory}/file`, 'contents');
          writeFileSync(`${directory}/other`, '');
          mkdirSync(`${directory}/dir`);
        },
        (s) => {
          conforms(`tells ${events.join(', ')}`, () => {
            assert.deepEqual(
              watched(s.path(), () => act(s)),
              events,
            );
          });
        },
      );
    });
  }
});
