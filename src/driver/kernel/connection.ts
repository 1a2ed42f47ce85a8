import { E } from '../../sys/errno';
import { pageSize } from '../../sys/process';
import { NO_REPLY, type Exchange, type Handler } from './exchange';
import {
  BatchForgetIn,
  ForgetIn,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  InitFlag,
  InitIn,
  InitOut,
  OLDEST_MINOR_VERSION,
  Opcode,
  SetxattrIn,
} from './protocol';
import { MAX_WRITE } from './request';

/**
 * Reads and writes that the kernel may send ahead (readahead, writeback) before it holds back, and the number from
 * which on it calls the mount congested.
 */
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;

const WANTED =
  InitFlag.ASYNC_READ |
  InitFlag.BIG_WRITES |
  InitFlag.DONT_MASK |
  InitFlag.DO_READDIRPLUS |
  InitFlag.WRITEBACK_CACHE |
  InitFlag.NO_OPEN_SUPPORT |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.POSIX_ACL |
  InitFlag.MAX_PAGES |
  InitFlag.CACHE_SYMLINKS |
  InitFlag.NO_OPENDIR_SUPPORT |
  InitFlag.HANDLE_KILLPRIV_V2 |
  InitFlag.SETXATTR_EXT;

/** Agrees on version and features: the first request of a mount. */
function init(x: Exchange): number {
  const { request, reply } = x;
  const major = request.u32(InitIn.major);
  const minor = request.u32(InitIn.minor);
  if (major < FUSE_KERNEL_VERSION || (major === FUSE_KERNEL_VERSION && minor < OLDEST_MINOR_VERSION)) {
    return -E.EPROTO;
  }
  reply.fill(0, InitOut.SIZE);
  reply.u32(InitOut.major, FUSE_KERNEL_VERSION);
  reply.u32(InitOut.minor, Math.min(minor, FUSE_KERNEL_MINOR_VERSION));
  reply.u32(InitOut.max_readahead, request.u32(InitIn.max_readahead));
  const flags = request.u32(InitIn.flags) & WANTED;
  x.setxattrSize = flags & InitFlag.SETXATTR_EXT ? SetxattrIn.SIZE : SetxattrIn.COMPAT_SIZE;
  reply.u32(InitOut.flags, flags);
  reply.u16(InitOut.max_background, MAX_BACKGROUND);
  reply.u16(InitOut.congestion_threshold, CONGESTION_THRESHOLD);
  reply.u32(InitOut.max_write, MAX_WRITE);
  reply.u32(InitOut.time_gran, 1);
  reply.u16(InitOut.max_pages, MAX_WRITE / pageSize());
  return InitOut.SIZE;
}

function forget(x: Exchange): number {
  x.fs.forget(x.request.nodeid, x.request.u64(ForgetIn.nlookup));
  return NO_REPLY;
}

function batchForget(x: Exchange): number {
  const { one } = BatchForgetIn;
  const count = x.request.u32(BatchForgetIn.count);
  for (let i = 0; i < count; i++) {
    const at = BatchForgetIn.SIZE + i * one.SIZE;
    x.fs.forget(x.request.u64(at + one.nodeid), x.request.u64(at + one.nlookup));
  }
  return NO_REPLY;
}

/** The life of the connection, and of the kernel's references to nodes. */
export const connectionHandlers: readonly (readonly [number, Handler])[] = [
  [Opcode.INIT, init],
  [Opcode.FORGET, forget],
  [Opcode.BATCH_FORGET, batchForget],
  // A request has its answer before the next is read: there is never one left to interrupt.
  [Opcode.INTERRUPT, () => NO_REPLY],
  [Opcode.DESTROY, () => 0],
];
