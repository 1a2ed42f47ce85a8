import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { CowspaceError } from '../../protocol/errors';

const PACKAGE = 'fuse-native';

/**
 * The operations of `struct fuse_operations` (libfuse 2, high level) that fuse-native can pass on, with the arguments
 * that it gives and what an answer carries besides its result. Paths are text and start at the mount; 64-bit numbers
 * come as two halves, the lower first. A buffer is libfuse's own memory: its ArrayBuffer has to be given back with
 * each answer, also when the operation failed.
 */
export interface Operations {
  init: [args: [], data: []];
  getattr: [args: [path: string], data: [StatArray]];
  fgetattr: [args: [path: string, handle: number], data: [StatArray]];
  statfs: [args: [path: string], data: [Uint32Array]];
  chmod: [args: [path: string, mode: number], data: []];
  chown: [args: [path: string, uid: number, gid: number], data: []];
  utimens: [args: [path: string, ...atime: [number, number], ...notMtime: [number, number]], data: []];
  truncate: [args: [path: string, low: number, high: number], data: []];
  ftruncate: [args: [path: string, handle: number, low: number, high: number], data: []];
  readdir: [args: [path: string], data: [names: string[], stats: StatArray[]]];
  fsyncdir: [args: [path: string], data: []];
  readlink: [args: [path: string], data: [target: string]];
  mknod: [args: [path: string, mode: number, rdev: number], data: []];
  mkdir: [args: [path: string, mode: number], data: []];
  symlink: [args: [target: string, path: string], data: []];
  link: [args: [path: string, newPath: string], data: []];
  rename: [args: [path: string, newPath: string], data: []];
  unlink: [args: [path: string], data: []];
  rmdir: [args: [path: string], data: []];
  create: [args: [path: string, mode: number], data: [handle: number]];
  open: [args: [path: string, flags: number], data: [handle: number]];
  release: [args: [path: string, handle: number], data: []];
  read: [args: DataArguments, data: [unused: 0, ArrayBufferLike]];
  write: [args: DataArguments, data: [unused: 0, ArrayBufferLike]];
  fsync: [args: [path: string, dataOnly: number, handle: number], data: []];
  setxattr: [
    args: [path: string, name: string, value: Buffer, position: number, flags: number],
    data: [ArrayBufferLike],
  ];
  getxattr: [args: [path: string, name: string, into: Buffer], data: [ArrayBufferLike]];
  listxattr: [args: [path: string, into: Buffer], data: [ArrayBufferLike]];
  removexattr: [args: [path: string, name: string], data: []];
}
type DataArguments = [
  path: string,
  handle: number,
  buffer: Buffer,
  length: number,
  ...position: [low: number, high: number],
];

export type OperationName = keyof Operations;

/** `struct stat` as fuse-native takes it: see `attributes.ts`. */
export type StatArray = Uint32Array;

/** Called on the event loop for each request; libfuse's thread waits until its `locals` are signalled. */
export type NativeHandler = (locals: Buffer, opcode: number, ...args: unknown[]) => void;

/** The functions of the addon that are used here, with the names that they have there (`fuse-native.c`). */
export type Binding = {
  readonly sizeof_fuse_thread_t: number;
  fuse_native_mount(
    mountPoint: string,
    options: string,
    thread: Buffer,
    context: object,
    allocate: (size: number) => Buffer,
    handlers: readonly NativeHandler[],
    implemented: Uint32Array,
  ): void;
} & Readonly<Record<`op_${OperationName}`, number>> &
  Readonly<Record<`fuse_native_signal_${OperationName}`, (locals: Buffer, ...answer: unknown[]) => void>>;

/** Size of the addon's tables of handlers. */
export const MAX_OPERATIONS = 35;

/**
 * Loads the addon of fuse-native. Its JavaScript is left aside: it unmounts through a shell, answers for slow
 * operations by itself, looks at unlinked files by a path that they no longer have, and cannot express all mount
 * options.
 *
 * @throws CowspaceError `unsupported`
 */
export function loadBinding(): Binding {
  if (process.versions['electron'] !== undefined) {
    throw unsupported(
      'does not work in Electron, which forbids the buffers that it makes',
      'Use a Node of its own.',
    );
  }
  const require = createRequire(__filename);
  let manifest: string;
  try {
    manifest = require.resolve(`${PACKAGE}/package.json`);
  } catch {
    throw unsupported(
      'is not installed; it exists for x64 machines with Linux (glibc) or macOS',
      `There: npm install ${PACKAGE}@2.2.6. Elsewhere use the driver kernel.`,
    );
  }
  try {
    const load = createRequire(manifest)('node-gyp-build') as (directory: string) => Binding;
    return load(dirname(manifest));
  } catch (error) {
    throw unsupported(
      `cannot be loaded (${firstLine(error)})`,
      'It needs an x64 machine and libfuse 2: install the package libfuse2 (Debian, Ubuntu; libfuse2t64 from 24.04 on), ' +
        'fuse-libs (Fedora) or macFUSE. Or use the driver kernel.',
    );
  }
}

function unsupported(problem: string, advice: string): CowspaceError {
  return new CowspaceError('unsupported', `The npm package ${PACKAGE} ${problem}. ${advice}`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
}
