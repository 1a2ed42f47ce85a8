import { l10n } from 'vscode';
import { CowspaceError } from '../../protocol/errors';
import type { BlockSummary, ByteRange, Change, RangePage, Side } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import type { BlocksTarget } from './uris';

/** A file of a workspace and what the base has in its place, as the daemon tells; the daemon may come and go. */
export class ComparedFile {
  /** @param known fulfilled when `sessions` knows the workspaces of the window */
  constructor(
    readonly target: BlocksTarget,
    private readonly sessions: Sessions,
    private readonly known: Promise<void>,
  ) {}

  /** Relative to the mount. */
  get path(): string {
    return this.target.path;
  }

  /** Undefined while the window does not show its workspace. */
  get session(): Session | undefined {
    return this.sessions.named(this.target.workspace);
  }

  /** As last told by the daemon; undefined: the file is as in the base. */
  get change(): Change | undefined {
    return this.session?.tree.get(this.path)?.change ?? undefined;
  }

  /** Whether there is a daemon to ask, or will be soon. */
  get isReachable(): boolean {
    return this.session?.state === 'ready' || this.session?.state === 'starting';
  }

  /** Changed ranges from `offset` on; a deleted file has none. */
  async ranges(offset: number, signal: AbortSignal): Promise<RangePage> {
    const session = await this.reach();
    // Where nothing changed the daemon would read the whole file to find that out.
    if (this.hasScratch()) return session.request(methods.ranges, { path: this.path, offset }, { signal });
    return { ranges: [], next: null, ...(await sizesOf(session, this.path)) };
  }

  async summary(offset: number, length: number, cells: number, signal: AbortSignal): Promise<BlockSummary> {
    const session = await this.reach();
    const stretch = { path: this.path, offset, length, cells };
    if (this.hasScratch()) return session.request(methods.blockSummary, stretch, { signal });
    return {
      span: Math.max(1, Math.ceil(length / cells)),
      cells: [],
      ...(await sizesOf(session, this.path)),
    };
  }

  /** Up to 1 MiB. */
  async read(side: Side, offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    const session = await this.reach();
    const request = { path: this.path, side, offset, length };
    const { base64 } = await session.request(methods.read, request, signal && { signal });
    return Buffer.from(base64, 'base64');
  }

  /** Bytes of the base; 0 when it has no such file. */
  async baseSize(): Promise<number> {
    return (await sizesOf(await this.reach(), this.path)).baseSize;
  }

  /** Puts the base's bytes back. */
  async discard(range: ByteRange): Promise<void> {
    const session = await this.reach();
    await session.request(methods.discardRange, { path: this.path, range });
  }

  /** Whether the scratch has something of the file; assumed while the list of changes is not known. */
  private hasScratch(): boolean {
    const { change, session } = this;
    return session?.state !== 'ready' || (change !== undefined && change.kind !== 'whiteout');
  }

  private async reach(): Promise<Session> {
    await this.known;
    const { session } = this;
    if (session) return session;
    throw new CowspaceError(
      'not-mounted',
      l10n.t("This window does not show the workspace '{0}'.", this.target.workspace),
    );
  }
}

/** Bytes of either side; 0 for one that has no such file. @throws CowspaceError `not-found` when none has */
async function sizesOf(session: Session, path: string): Promise<{ size: number; baseSize: number }> {
  const scratch = await session.stat(path, 'scratch');
  const base = await session.stat(path, 'base');
  if (!scratch && !base) {
    throw new CowspaceError('not-found', l10n.t('There is no such file any more.'), { path });
  }
  return { size: scratch?.size ?? 0, baseSize: base?.size ?? 0 };
}
