import { CowspaceError } from '../protocol/errors';
import type { methods } from '../protocol/methods';
import type { Handlers } from './clientConnection';
import type { EngineHost } from './engineHost';

type EditorHandlers = Pick<Handlers, Extract<keyof typeof methods, `editor${string}`>>;

/** What an editor may do with the files of a workspace that has no mount. */
export function editorHandlers(engine: EngineHost): EditorHandlers {
  return {
    editorStat: ({ path }) => engine.call('editorStat', [path]),
    editorList: ({ path }) => engine.call('editorList', [path]),
    editorRead: async ({ path, offset, length }) => {
      const bytes = await engine.call('editorRead', [path, offset, length]);
      return { base64: Buffer.from(bytes).toString('base64'), eof: bytes.length < length };
    },
    editorWrite: async ({ path, offset, base64, truncate, create, overwrite }) => {
      const options = { truncate, create, overwrite };
      await engine.call('editorWrite', [path, Buffer.from(base64, 'base64'), offset, options]);
      return {};
    },
    editorMakeDirectory: async ({ path }) => {
      await engine.call('editorMakeDirectory', [path]);
      return {};
    },
    editorRemove: async ({ path, recursive }) => {
      await engine.call('editorRemove', [path, recursive]);
      return {};
    },
    editorRename: async ({ from, to, overwrite }) => {
      await engine.call('editorRename', [from, to, overwrite]);
      return {};
    },
    editorSearch: (params, { signal }) => engine.call('editorSearch', [params], { signal }),
  };
}

/** Behind the back of a mount the kernel would go on to show what it has cached. */
export function refuseEditor(mount: string): EditorHandlers {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new CowspaceError('usage', `The workspace is mounted at ${mount}: use its files there.`, {
        path: mount,
      }),
    );
  return {
    editorStat: refuse,
    editorList: refuse,
    editorRead: refuse,
    editorWrite: refuse,
    editorMakeDirectory: refuse,
    editorRemove: refuse,
    editorRename: refuse,
    editorSearch: refuse,
  };
}
