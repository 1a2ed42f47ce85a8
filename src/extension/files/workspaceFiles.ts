import {
  Disposable,
  EventEmitter,
  FileChangeType,
  FilePermission,
  FileSystemError,
  type FileType,
  l10n,
  workspace,
  type FileChangeEvent,
  type FileStat,
  type FileSystemProvider,
  type Uri,
} from 'vscode';
import type { z } from 'zod';
import { MAX_READ } from '../../protocol/messages';
import { methods, type Method } from '../../protocol/methods';
import type { TreeUpdate } from '../changes/changeTree';
import { fileUri, hasUri } from '../changes/uris';
import { schemes } from '../contributions';
import { Disposables } from '../disposables';
import { relativeTo } from '../workspaces/location';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import { linkedTypeOf, toFileSystemError } from './fileTypes';
import { readWhole } from './wholeFile';

/** Serves `cowspace:`, the files of workspaces that are not mounted; the daemon has them. */
export class WorkspaceFiles implements FileSystemProvider, Disposable {
  private readonly disposables = new Disposables();
  private readonly didChangeFile = this.disposables.add(new EventEmitter<FileChangeEvent[]>());
  readonly onDidChangeFile = this.didChangeFile.event;

  /** @param known fulfilled when `sessions` knows the workspaces of the window */
  constructor(
    private readonly sessions: Sessions,
    private readonly known: Promise<void>,
  ) {
    this.disposables.add(
      workspace.registerFileSystemProvider(schemes.files, this, { isCaseSensitive: true }),
    );
    this.disposables.add(sessions.onDidUpdate(({ session, update }) => void this.announce(session, update)));
  }

  dispose(): void {
    this.disposables.dispose();
  }

  /** All changes are told of: the daemon knows them, whoever watches. */
  watch(): Disposable {
    return new Disposable(() => undefined);
  }

  async stat(uri: Uri): Promise<FileStat> {
    const stat = await this.ask(uri, methods.editorStat, (path) => ({ path }));
    if (!stat) throw FileSystemError.FileNotFound(uri);
    const { size, mtime, ctime, writable } = stat;
    return {
      type: linkedTypeOf(stat),
      size,
      mtime,
      ctime,
      ...(!writable && { permissions: FilePermission.Readonly }),
    };
  }

  async readDirectory(uri: Uri): Promise<[string, FileType][]> {
    const entries = await this.ask(uri, methods.editorList, (path) => ({ path }));
    return entries.filter(({ name }) => hasUri(name)).map((entry) => [entry.name, linkedTypeOf(entry)]);
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    const { size } = await this.stat(uri);
    return readWhole(uri, size, (offset) =>
      this.ask(uri, methods.editorRead, (path) => ({ path, offset, length: MAX_READ })),
    );
  }

  async writeFile(
    uri: Uri,
    content: Uint8Array,
    options: { readonly create: boolean; readonly overwrite: boolean },
  ): Promise<void> {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    let offset = 0;
    do {
      const chunk = bytes.subarray(offset, offset + MAX_READ);
      const first = offset === 0;
      await this.ask(uri, methods.editorWrite, (path) => ({
        path,
        offset,
        base64: chunk.toString('base64'),
        truncate: first,
        create: first && options.create,
        overwrite: !first || options.overwrite,
      }));
      offset += chunk.length;
    } while (offset < bytes.length);
  }

  async createDirectory(uri: Uri): Promise<void> {
    await this.ask(uri, methods.editorMakeDirectory, (path) => ({ path }));
  }

  async delete(uri: Uri, { recursive }: { readonly recursive: boolean }): Promise<void> {
    await this.ask(uri, methods.editorRemove, (path) => ({ path, recursive }));
  }

  async rename(from: Uri, target: Uri, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    const [source, other] = [await this.resolve(from), await this.resolve(target)];
    if (source.session !== other.session) {
      throw FileSystemError.Unavailable(l10n.t('Files cannot be moved between workspaces.'));
    }
    const to = other.path;
    await this.ask(from, methods.editorRename, (path) => ({ from: path, to, overwrite }));
  }

  /** Asks the daemon of the workspace that holds a file. */
  private async ask<P extends z.ZodType, R extends z.ZodType>(
    uri: Uri,
    method: Method<P, R>,
    params: (path: string) => z.input<P>,
  ): Promise<z.output<R>> {
    const { session, path } = await this.resolve(uri);
    try {
      return await session.request(method, params(path));
    } catch (error) {
      throw toFileSystemError(error, uri);
    }
  }

  private async resolve(uri: Uri): Promise<{ session: Session; path: string }> {
    // A window that is opened again asks before the sessions are there.
    await this.known;
    const session = this.sessions.holding(uri);
    if (!session)
      throw FileSystemError.Unavailable(l10n.t('This window does not show the workspace of {0}.', uri.path));
    await this.sessions.opened(session);
    return { session, path: relativeTo(uri.fsPath, session.config.mount) };
  }

  /** Tells the editor what became of files, whether it did that itself, or a commit, a discard or another window. */
  private async announce(session: Session, update: TreeUpdate | null): Promise<void> {
    if (session.config.driver !== 'editor') return;
    const paths = update?.paths ?? this.openPaths(session);
    const events: FileChangeEvent[] = [];
    for (const path of paths) {
      if (!hasUri(path)) continue;
      const uri = fileUri(session.config, path);
      for (const type of await this.fates(session, path, uri)) events.push({ type, uri });
    }
    if (events.length > 0) this.didChangeFile.fire(events);
  }

  /** What may have happened to a file: one that is there was made or changed. */
  private async fates(session: Session, path: string, uri: Uri): Promise<FileChangeType[]> {
    const kind = session.tree.get(path)?.change?.kind;
    const exists = kind === undefined ? await this.exists(uri) : kind !== 'whiteout';
    return exists ? [FileChangeType.Created, FileChangeType.Changed] : [FileChangeType.Deleted];
  }

  private async exists(uri: Uri): Promise<boolean> {
    try {
      return (await this.ask(uri, methods.editorStat, (path) => ({ path }))) !== null;
    } catch {
      return false;
    }
  }

  private openPaths(session: Session): string[] {
    return workspace.textDocuments
      .filter(({ uri }) => this.sessions.holding(uri) === session)
      .map(({ uri }) => relativeTo(uri.fsPath, session.config.mount));
  }
}
