import { spawn } from 'node:child_process';
import { CowspaceError } from '../../protocol/errors';
import type { WorkspaceInfo } from '../../protocol/messages';
import { command } from '../command';
import { type Context, print } from '../context';
import { findOnPath } from '../programs';
import { creationOptions, parseOptional } from './create';

/** In the order in which they are looked for. */
const EDITORS = ['code', 'code-server'];

export const open = command({
  name: 'open',
  summary: 'open a pristine copy of a folder, or a workspace, in the editor',
  details: `Reuses the folder's workspace when there is one. The editor is the first of ${EDITORS.join(', ')} on the PATH.`,
  arguments: {
    target: {
      description: 'a folder, or the name of a workspace',
      count: 'one',
      completes: ['workspace', 'directory'],
    },
  },
  options: { deltaThreshold: creationOptions.deltaThreshold },
  run: async (context, { target }, { deltaThreshold }) => {
    const info = await findOrCreate(context, target, parseOptional(deltaThreshold));
    if (info.driver === 'editor') {
      throw new CowspaceError(
        'unsupported',
        `'${info.name}' is not mounted, its files are there in VS Code alone: open it from the Cowspace view.`,
      );
    }
    const editor = await findEditor();
    print(context, { ...info, editor }, () => info.mount);
    if (editor === null) {
      context.terminal.note(
        `There is no ${EDITORS.join(' or ')} on the PATH: open the folder above in your editor.`,
      );
      return 0;
    }
    return runEditor(editor, info.mount, context.json);
  },
});

/** @param deltaThreshold for a workspace that has to be made */
async function findOrCreate(
  { workspaces }: Context,
  target: string,
  deltaThreshold: number | null | undefined,
): Promise<WorkspaceInfo> {
  if ((await workspaces.registry.names()).includes(target)) return workspaces.mount(target);
  const existing = await workspaces.findByBases([target]);
  return existing === null
    ? workspaces.create({ bases: [target], deltaThreshold })
    : workspaces.mount(existing.name);
}

async function findEditor(): Promise<string | null> {
  for (const editor of EDITORS) {
    const file = await findOnPath(editor);
    if (file !== null) return file;
  }
  return null;
}

function runEditor(editor: string, mount: string, json: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(editor, [mount], {
      stdio: ['inherit', json ? process.stderr : 'inherit', 'inherit'],
    });
    child.once('error', reject);
    child.once('close', (code) => {
      resolve(code ?? 1);
    });
  });
}
