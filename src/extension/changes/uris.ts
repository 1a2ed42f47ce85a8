import { Uri } from 'vscode';
import { z } from 'zod';
import { changeKinds, type Change, type ChangeKind } from '../../protocol/messages';
import type { WorkspaceConfig } from '../../protocol/registry';
import { schemes } from '../contributions';

const baseQuerySchema = z.object({ workspace: z.string(), path: z.string() });

/** What a `cowspace-base:` URI names: the file that `path` was in the base of `workspace`. */
export type BaseFile = z.infer<typeof baseQuerySchema>;

/** The file as the mount shows it. */
export function fileUri(mount: string, path: string): Uri {
  return Uri.file(path === '' ? mount : `${mount}/${path}`);
}

/** The file as the base has it; read-only, under the name that it has there. */
export function baseUri(
  workspace: Pick<WorkspaceConfig, 'name' | 'mount'>,
  change: Pick<Change, 'path' | 'from'>,
): Uri {
  const query: BaseFile = { workspace: workspace.name, path: change.path };
  return fileUri(workspace.mount, change.from ?? change.path).with({
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
export function changeUri(mount: string, path: string, kind: ChangeKind | null): Uri {
  return fileUri(mount, displayable(path)).with({ scheme: schemes.change, query: kind ?? '' });
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
