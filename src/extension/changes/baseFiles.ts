import {
  Disposable,
  EventEmitter,
  FileChangeType,
  FilePermission,
  FileSystemError,
  workspace,
  type FileChangeEvent,
  type FileStat,
  type FileSystemProvider,
  type Uri,
} from 'vscode';
import { MAX_READ, type StatResult } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import { schemes } from '../contributions';
import { Disposables } from '../disposables';
import { fileTypeOf, toFileSystemError } from '../files/fileTypes';
import { readWhole } from '../files/wholeFile';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import type { TreeUpdate } from './changeTree';
import { parseBaseUri, type BaseFile } from './uris';

/** Serves `cowspace-base:`, the files of the base as they were, read through the daemon. */
export class BaseFiles implements FileSystemProvider, Disposable {
  private readonly disposables = new Disposables();
  private readonly didChangeFile = this.disposables.add(new EventEmitter<FileChangeEvent[]>());
  readonly onDidChangeFile = this.didChangeFile.event;
  /** Files that an editor shows, with the number of those who watch. */
  private readonly watched = new Map<string, { uri: Uri; count: number }>();

  /** @param known fulfilled when `sessions` knows the workspaces of the window */
  constructor(
    private readonly sessions: Sessions,
    private readonly known: Promise<void>,
  ) {
    this.disposables.add(
      workspace.registerFileSystemProvider(schemes.base, this, { isReadonly: true, isCaseSensitive: true }),
    );
    this.disposables.add(sessions.onDidUpdate(({ session, update }) => this.announce(session, update)));
  }

  dispose(): void {
    this.disposables.dispose();
  }

  watch(uri: Uri): Disposable {
    const key = uri.toString();
    const watched = this.watched.get(key) ?? { uri, count: 0 };
    watched.count++;
    this.watched.set(key, watched);
    return new Disposable(() => {
      watched.count--;
      if (watched.count === 0) this.watched.delete(key);
    });
  }

  async stat(uri: Uri): Promise<FileStat> {
    const { session, path } = await this.resolve(uri);
    const stat = await statBase(session, path, uri);
    return {
      type: fileTypeOf(stat.type),
      ctime: stat.mtime,
      mtime: stat.mtime,
      size: stat.size,
      permissions: FilePermission.Readonly,
    };
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    const { session, path } = await this.resolve(uri);
    const { size } = await statBase(session, path, uri);
    const params = { path, side: 'base', length: MAX_READ } as const;
    return readWhole(uri, size, (offset) =>
      session.request(methods.read, { ...params, offset }).catch((error: unknown) => {
        throw toFileSystemError(error, uri);
      }),
    );
  }

  readDirectory(uri: Uri): never {
    throw FileSystemError.Unavailable(uri);
  }

  createDirectory(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  delete(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  rename(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  private async resolve(uri: Uri): Promise<{ session: Session; path: string }> {
    const file = parse(uri);
    // An editor restored with its window asks before the sessions are there.
    await this.known;
    const session = this.sessions.named(file.workspace);
    if (!session) throw FileSystemError.Unavailable(uri);
    return { session, path: file.path };
  }

  /** A commit changes the base, and a discard or a rename what a path was: the editors that show it read it anew. */
  private announce(session: Session, update: TreeUpdate | null): void {
    const events = [...this.watched.values()]
      .filter(({ uri }) => {
        const file = parse(uri);
        return file.workspace === session.config.name && (!update || update.paths.has(file.path));
      })
      .map(({ uri }) => ({ type: FileChangeType.Changed, uri }));
    if (events.length > 0) this.didChangeFile.fire(events);
  }
}

function parse(uri: Uri): BaseFile {
  try {
    return parseBaseUri(uri);
  } catch {
    throw FileSystemError.FileNotFound(uri);
  }
}

async function statBase(session: Session, path: string, uri: Uri): Promise<StatResult> {
  let stat;
  try {
    stat = await session.stat(path, 'base');
  } catch (error) {
    throw toFileSystemError(error, uri);
  }
  if (!stat) throw FileSystemError.FileNotFound(uri);
  return stat;
}
