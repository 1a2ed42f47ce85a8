import type { Time } from '../../core/filesystem';
import type { Node } from '../../core/node';
import { modeWithoutSetId } from './attributes';
import type { Exchange, Handler } from './exchange';
import {
  CopyFileRangeIn,
  CopyFileRangeOut,
  FallocateIn,
  FSYNC_FDATASYNC,
  FsyncIn,
  LseekIn,
  LseekOut,
  Opcode,
  ReadIn,
  WRITE_KILL_SUIDGID,
  WriteIn,
  WriteOut,
} from './protocol';

const ROOT = 0;
/** Most bytes that one COPY_FILE_RANGE copies, so that it does not hold up the mount; the caller asks again. */
const MAX_COPY = 32 << 20;

function read(x: Exchange): number {
  const { request } = x;
  return x.fs.read(x.node, x.reply.payload, request.u32(ReadIn.size), x.position(ReadIn.offset));
}

function write(x: Exchange): number {
  const { fs, request, reply, node } = x;
  const time = x.times.get(node.id);
  const written = fs.write(node, request.written, request.u32(WriteIn.size), x.position(WriteIn.offset));
  if ((request.u32(WriteIn.write_flags) & WRITE_KILL_SUIDGID) !== 0) dropSetId(x, node);
  keepTime(x, node, time);
  reply.u32(WriteOut.size, written);
  reply.u32(WriteOut.padding, 0);
  return WriteOut.SIZE;
}

/**
 * With FUSE_HANDLE_KILLPRIV_V2 set-id bits are the driver's to take away, and of this request, unlike of a write, the
 * kernel does not say whether its caller may keep them (CAP_FSETID).
 */
function fallocate(x: Exchange): number {
  const { fs, request, node } = x;
  const mode = request.u32(FallocateIn.mode);
  const time = x.times.get(node.id);
  fs.fallocate(node, mode, x.position(FallocateIn.offset), x.position(FallocateIn.length));
  if (request.uid !== ROOT) dropSetId(x, node);
  keepTime(x, node, time);
  return 0;
}

/** @param time as the kernel had it a moment before the bytes changed, see {@link RecentTimes.get} */
function keepTime(x: Exchange, node: Node, time: Time | undefined): void {
  if (time !== undefined) x.fs.setattr(node, { mtime: time });
}

function dropSetId(x: Exchange, node: Node): void {
  const mode = modeWithoutSetId(x, node);
  if (mode !== undefined) x.fs.setattr(node, { mode });
}

/**
 * Finds data or a hole. The kernel asks while it holds pages that nobody has seen but itself, and which would count
 * as a hole.
 */
function lseek(x: Exchange): number {
  const { nodeid } = x.request;
  const offset = x.position(LseekIn.offset);
  const whence = x.request.u32(LseekIn.whence);
  return x.afterWriteBack(nodeid, offset, ({ fs, reply }) => {
    reply.u64(LseekOut.offset, fs.lseek(fs.node(nodeid), offset, whence));
    return LseekOut.SIZE;
  });
}

function copy(x: Exchange): number {
  const { fs, request } = x;
  const to = fs.node(request.u64(CopyFileRangeIn.nodeid_out));
  const fromOffset = x.position(CopyFileRangeIn.off_in);
  const toOffset = x.position(CopyFileRangeIn.off_out);
  const length = Math.min(request.u64(CopyFileRangeIn.len), MAX_COPY);
  const time = x.times.get(to.id);
  const copied = fs.copyFileRange(x.node, fromOffset, to, toOffset, length);
  keepTime(x, to, time);
  return copied;
}

function copyFileRange(x: Exchange): number {
  x.reply.u64(WriteOut.size, copy(x));
  return WriteOut.SIZE;
}

function copyFileRange64(x: Exchange): number {
  x.reply.u64(CopyFileRangeOut.bytes_copied, copy(x));
  return CopyFileRangeOut.SIZE;
}

function fsync(x: Exchange): number {
  x.fs.fsync(x.node, (x.request.u32(FsyncIn.fsync_flags) & FSYNC_FDATASYNC) !== 0);
  return 0;
}

function syncfs(x: Exchange): number {
  x.fs.syncfs();
  return 0;
}

/** The bytes of files. */
export const dataHandlers: readonly (readonly [number, Handler])[] = [
  [Opcode.READ, read],
  [Opcode.WRITE, write],
  [Opcode.FALLOCATE, fallocate],
  [Opcode.LSEEK, lseek],
  [Opcode.COPY_FILE_RANGE, copyFileRange],
  [Opcode.COPY_FILE_RANGE_64, copyFileRange64],
  [Opcode.FSYNC, fsync],
  [Opcode.SYNCFS, syncfs],
];
