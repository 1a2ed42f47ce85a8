/**
 * Extended attributes with this prefix are access control lists, which drivers refuse: they would be stored but not
 * enforced. To have the kernel enforce them (FUSE_POSIX_ACL) costs a request more for every file of another owner,
 * and libfuse 2 cannot ask for it.
 */
export const ACL_PREFIX = 'system.posix_acl_';
