import { Uri } from 'vscode';
import * as z from 'zod';
import { changeKinds, type Change, type ChangeKind } from '../../protocol/messages';
import type { WorkspaceConfig } from '../../protocol/registry';
import { schemes } from '../contributions';

const baseQuerySchema = z.object({ workspace: z.string(), path: z.string() });

/** What a `cowspace-base:` URI names: the file that `path` was in the base of `workspace`. */
export type BaseFile = z.infer<typeof baseQuerySchema>;

/** Where a workspace shows its files: in its mount, or below the same path in the editor alone. */
type Location = Pick<WorkspaceConfig, 'mount' | 'driver'>;

/** The file as the workspace shows it. */
export function fileUri({ mount, driver }: Location, path: string): Uri {
  const uri = Uri.file(path === '' ? mount : `${mount}/${path}`);
  return driver === 'editor' ? uri.with({ scheme: schemes.files }) : uri;
}

/** Whether a URI has the scheme of the workspace's files. */
export function hasSchemeOf({ driver }: Location, { scheme }: Uri): boolean {
  return scheme === (driver === 'editor' ? schemes.files : 'file');
}

/** The file as the base has it; read-only, under the name that it has there. */
export function baseUri(
  workspace: Location & Pick<WorkspaceConfig, 'name'>,
  change: Pick<Change, 'path' | 'from'>,
): Uri {
  const query: BaseFile = { workspace: workspace.name, path: change.path };
  return fileUri(workspace, change.from ?? change.path).with({
    scheme: schemes.base,
    query: JSON.stringify(query),
  });
}

/** @throws SyntaxError, ZodError for a URI that {@link baseUri} did not make */
export function parseBaseUri(uri: Uri): BaseFile {
  return baseQuerySchema.parse(JSON.parse(uri.query));
}

/**
 * Names a row of the Changes view. A scheme of its own keeps the badges of other extensions (Git's above all) off
 * these rows, and lets a row stand for a file that is gone. The kind is part of it, so a decoration never goes stale.
 */
export function changeUri(workspace: Location, path: string, kind: ChangeKind | null): Uri {
  return fileUri(workspace, displayable(path)).with({ scheme: schemes.change, query: kind ?? '' });
}

export function kindOfUri(uri: Uri): ChangeKind | undefined {
  return changeKinds.find((kind) => kind === uri.query);
}

const loneSurrogate = /\p{Surrogate}/u;

/** Whether a URI can name the path: not so when its bytes are no valid UTF-8 (they travel as lone surrogates). */
export function hasUri(path: string): boolean {
  return !loneSurrogate.test(path);
}

/** The path with what cannot be shown replaced by U+FFFD. */
export function displayable(path: string): string {
  return path.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}
