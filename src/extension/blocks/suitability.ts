import { workspace } from 'vscode';
import type { Change, Side } from '../../protocol/messages';
import { methods } from '../../protocol/methods';
import type { Session } from '../workspaces/session';
import { looksBinary, SAMPLE } from './binary';

/** Whether the editor's own diff is no use for a change: it is binary, or so large that the editor gives up on it. */
export async function isForBlocks(session: Session, change: Change): Promise<boolean> {
  if (change.type !== 'file') return false;
  switch (change.kind) {
    case 'created':
    case 'metadata':
      // There is nothing to compare, and the editor may have something better for images and the like.
      return false;
    case 'whiteout':
      return isTooLarge(change.size);
    case 'changed':
    case 'renamed':
      return (
        (await isLargeOrBinary(session, change.path, 'base')) ||
        isLargeOrBinary(session, change.path, 'scratch')
      );
  }
}

async function isLargeOrBinary(session: Session, path: string, side: Side): Promise<boolean> {
  const stat = await session.stat(path, side);
  if (!stat) return false;
  if (isTooLarge(stat.size)) return true;
  const { base64 } = await session.request(methods.read, { path, side, offset: 0, length: SAMPLE });
  return looksBinary(Buffer.from(base64, 'base64'));
}

/** Whether the editor's own diff takes no file of so many bytes; its setting counts in MB, and 0 is no limit. */
export function isTooLarge(size: number): boolean {
  const limit = workspace.getConfiguration('diffEditor').get<number>('maxFileSize', 50);
  return limit > 0 && size > limit * 2 ** 20;
}
