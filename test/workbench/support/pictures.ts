import { join, resolve } from 'node:path';
import type { Sandbox } from '../../support/sandbox';

/** Where pictures are kept; `npm run screenshots` sets it to what the README shows. */
const variable = 'COWSPACE_SCREENSHOTS';

/** The file for a picture that the README shows. It goes with the sandbox, unless pictures are to be kept. */
export function pictureFile(sandbox: Sandbox, name: string): string {
  return join(resolve(process.env[variable] ?? sandbox.root), name);
}
