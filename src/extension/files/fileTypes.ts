import { FileSystemError, FileType, type Uri } from 'vscode';
import { asCowspaceError } from '../../protocol/errors';
import type { FileType as EntryType } from '../../protocol/messages';

/** A file type as the editor has it. */
export function fileTypeOf(type: EntryType): FileType {
  switch (type) {
    case 'file':
      return FileType.File;
    case 'directory':
      return FileType.Directory;
    case 'symlink':
      return FileType.SymbolicLink;
    case 'fifo':
    case 'socket':
    case 'char':
    case 'block':
      return FileType.Unknown;
  }
}

/** As {@link fileTypeOf}, of what a symbolic link leads to. */
export function linkedTypeOf({ type, link }: { readonly type: EntryType; readonly link: boolean }): FileType {
  if (!link) return fileTypeOf(type);
  return fileTypeOf(type) | FileType.SymbolicLink;
}

/** A refusal in the terms in which the editor acts on it. */
export function toFileSystemError(error: unknown, uri: Uri): FileSystemError {
  const { code, message } = asCowspaceError(error);
  switch (code) {
    case 'not-found':
      return FileSystemError.FileNotFound(uri);
    case 'exists':
      return FileSystemError.FileExists(uri);
    case 'denied':
      return FileSystemError.NoPermissions(message);
    default:
      return FileSystemError.Unavailable(message);
  }
}
