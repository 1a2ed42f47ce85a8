import type { Uri } from 'vscode';
import * as z from 'zod';
import type { WorkspaceConfig } from '../../protocol/registry';
import { displayable, fileUri } from '../changes/uris';
import { schemes } from '../contributions';

const querySchema = z.object({ workspace: z.string(), path: z.string() });

/** What a `cowspace-blocks:` URI names: both sides of the file at `path` of `workspace`. */
export type BlocksTarget = z.infer<typeof querySchema>;

/** Names the block diff of a file. Its path is for display; the query says which file, whatever bytes its name has. */
export function blocksUri(workspace: Pick<WorkspaceConfig, 'name' | 'mount' | 'driver'>, path: string): Uri {
  const target: BlocksTarget = { workspace: workspace.name, path };
  return fileUri(workspace, displayable(path)).with({
    scheme: schemes.blocks,
    query: JSON.stringify(target),
  });
}

/** @throws SyntaxError, ZodError for a URI that {@link blocksUri} did not make */
export function parseBlocksUri(uri: Uri): BlocksTarget {
  return querySchema.parse(JSON.parse(uri.query));
}
