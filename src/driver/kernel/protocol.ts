/**
 * The numbers of the FUSE kernel protocol, version 7.45 (`include/uapi/linux/fuse.h`). Fields that this driver does
 * not use are left out; offsets and sizes are bytes.
 */

export const FUSE_KERNEL_VERSION = 7;
export const FUSE_KERNEL_MINOR_VERSION = 45;
/** Linux 5.4, the oldest kernel that this driver speaks with; all structures have had their size since 7.23. */
export const OLDEST_MINOR_VERSION = 31;

export const FUSE_ROOT_ID = 1;

/** `enum fuse_opcode` */
export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const;

/** For log lines. */
export function opcodeName(opcode: number): string {
  return Object.entries(Opcode).find(([, value]) => value === opcode)?.[0] ?? `opcode ${opcode}`;
}

/** `FUSE_*` bits of `fuse_init_in.flags` and `fuse_init_out.flags` */
export const InitFlag = {
  ASYNC_READ: 1 << 0,
  BIG_WRITES: 1 << 5,
  DONT_MASK: 1 << 6,
  DO_READDIRPLUS: 1 << 13,
  WRITEBACK_CACHE: 1 << 16,
  NO_OPEN_SUPPORT: 1 << 17,
  PARALLEL_DIROPS: 1 << 18,
  POSIX_ACL: 1 << 20,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  NO_OPENDIR_SUPPORT: 1 << 24,
  HANDLE_KILLPRIV_V2: 1 << 28,
  SETXATTR_EXT: 1 << 29,
} as const;

/** `FATTR_*` bits of `fuse_setattr_in.valid` */
export const SetattrFlag = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

/** `FUSE_WRITE_KILL_SUIDGID` of `fuse_write_in.write_flags` */
export const WRITE_KILL_SUIDGID = 1 << 2;
/** `FUSE_FSYNC_FDATASYNC` of `fuse_fsync_in.fsync_flags` */
export const FSYNC_FDATASYNC = 1 << 0;

/** `enum fuse_notify_code` */
export const NotifyCode = { INVAL_INODE: 2, INVAL_ENTRY: 3 } as const;

/** `struct fuse_in_header`: starts each request */
export const InHeader = {
  len: 0,
  opcode: 4,
  unique: 8,
  nodeid: 16,
  uid: 24,
  gid: 28,
  pid: 32,
  SIZE: 40,
} as const;
/** `struct fuse_out_header`: starts each reply and each notification */
export const OutHeader = { len: 0, error: 4, unique: 8, SIZE: 16 } as const;

/** `struct fuse_attr` */
export const Attr = {
  ino: 0,
  size: 8,
  blocks: 16,
  atime: 24,
  mtime: 32,
  ctime: 40,
  atimensec: 48,
  mtimensec: 52,
  ctimensec: 56,
  mode: 60,
  nlink: 64,
  uid: 68,
  gid: 72,
  rdev: 76,
  blksize: 80,
  flags: 84,
  SIZE: 88,
} as const;
/** `struct fuse_entry_out` */
export const EntryOut = {
  nodeid: 0,
  generation: 8,
  entry_valid: 16,
  attr_valid: 24,
  entry_valid_nsec: 32,
  attr_valid_nsec: 36,
  attr: 40,
  SIZE: 128,
} as const;
/** `struct fuse_attr_out` */
export const AttrOut = { attr_valid: 0, attr_valid_nsec: 8, dummy: 12, attr: 16, SIZE: 104 } as const;

/** `struct fuse_init_in` */
export const InitIn = { major: 0, minor: 4, max_readahead: 8, flags: 12 } as const;
/** `struct fuse_init_out` */
export const InitOut = {
  major: 0,
  minor: 4,
  max_readahead: 8,
  flags: 12,
  max_background: 16,
  congestion_threshold: 18,
  max_write: 20,
  time_gran: 24,
  max_pages: 28,
  SIZE: 64,
} as const;

/** `struct fuse_forget_in` */
export const ForgetIn = { nlookup: 0 } as const;
/** `struct fuse_batch_forget_in` and the `struct fuse_forget_one` records behind it */
export const BatchForgetIn = { count: 0, SIZE: 8, one: { nodeid: 0, nlookup: 8, SIZE: 16 } } as const;
/** `struct fuse_setattr_in` */
export const SetattrIn = {
  valid: 0,
  size: 16,
  atime: 32,
  mtime: 40,
  atimensec: 56,
  mtimensec: 60,
  mode: 68,
  uid: 76,
  gid: 80,
} as const;
/** `struct fuse_create_in` */
export const CreateIn = { mode: 4, umask: 8, SIZE: 16 } as const;
/** `struct fuse_open_out` */
export const OpenOut = { fh: 0, open_flags: 8, SIZE: 16 } as const;
/** In `fuse_open_out.open_flags`: what the kernel has cached of the file stays. */
export const FOPEN_KEEP_CACHE = 1 << 1;
/** `struct fuse_mknod_in`, the name behind it */
export const MknodIn = { mode: 0, rdev: 4, umask: 8, SIZE: 16 } as const;
/** `struct fuse_mkdir_in`, the name behind it */
export const MkdirIn = { mode: 0, umask: 4, SIZE: 8 } as const;
/** `struct fuse_rename_in`, both names behind it */
export const RenameIn = { newdir: 0, SIZE: 8 } as const;
/** `struct fuse_rename2_in`, both names behind it */
export const Rename2In = { newdir: 0, flags: 8, SIZE: 16 } as const;
/** `struct fuse_link_in`, the name behind it */
export const LinkIn = { oldnodeid: 0, SIZE: 8 } as const;
/** `struct fuse_read_in` */
export const ReadIn = { offset: 8, size: 16 } as const;
/** `struct fuse_write_in`, the bytes behind it */
export const WriteIn = { offset: 8, size: 16, write_flags: 20, SIZE: 40 } as const;
/** `struct fuse_write_out` */
export const WriteOut = { size: 0, padding: 4, SIZE: 8 } as const;
/** `struct fuse_fsync_in` */
export const FsyncIn = { fsync_flags: 8 } as const;
/** `struct fuse_setxattr_in`, without FUSE_SETXATTR_EXT shorter; name and value behind it */
export const SetxattrIn = { size: 0, flags: 4, setxattr_flags: 8, SIZE: 16, COMPAT_SIZE: 8 } as const;
/** In `fuse_setxattr_in.setxattr_flags`: the set-group-id bit falls with this access control list. */
export const FUSE_SETXATTR_ACL_KILL_SGID = 1;
/** `struct fuse_getxattr_in`, for GETXATTR with the name behind it */
export const GetxattrIn = { size: 0, SIZE: 8 } as const;
/** `struct fuse_getxattr_out` */
export const GetxattrOut = { size: 0, padding: 4, SIZE: 8 } as const;
/** `struct fuse_fallocate_in` */
export const FallocateIn = { offset: 8, length: 16, mode: 24 } as const;
/** `struct fuse_lseek_in` */
export const LseekIn = { offset: 8, whence: 16 } as const;
/** `struct fuse_lseek_out` */
export const LseekOut = { offset: 0, SIZE: 8 } as const;
/** `struct fuse_copy_file_range_in` */
export const CopyFileRangeIn = { off_in: 8, nodeid_out: 16, off_out: 32, len: 40 } as const;
/** `struct fuse_copy_file_range_out` */
export const CopyFileRangeOut = { bytes_copied: 0, SIZE: 8 } as const;
/** `struct fuse_dirent`, the name behind it, padded to eight bytes; in `struct fuse_direntplus` an entry before it */
export const Dirent = { ino: 0, off: 8, namelen: 16, type: 20, SIZE: 24 } as const;
/** `struct fuse_statfs_out` */
export const StatfsOut = {
  blocks: 0,
  bfree: 8,
  bavail: 16,
  files: 24,
  ffree: 32,
  bsize: 40,
  namelen: 44,
  frsize: 48,
  SIZE: 80,
} as const;

/** `struct fuse_notify_inval_inode_out` */
export const NotifyInvalInodeOut = { ino: 0, off: 8, len: 16, SIZE: 24 } as const;
/** `struct fuse_notify_inval_entry_out`, the name with its NUL behind it */
export const NotifyInvalEntryOut = { parent: 0, namelen: 8, flags: 12, SIZE: 16 } as const;
