import { join } from 'node:path';
import { downloadAndUnzipVSCode, SilentReporter } from '@vscode/test-electron';
import { engines } from '../../../package.json';
import { cacheDirectory } from '../../../scripts/project.mjs';

/** A program that takes the arguments of VS Code and runs tests in its extension host. */
export interface HostEditor {
  readonly name: string;
  readonly executable: string;
}

/** The real VS Code where there is none: code-server, in a headless browser. */
export const shim: HostEditor = {
  name: 'code-server, in place of VS Code',
  executable: join(__dirname, 'shim.ts'),
};

/**
 * Downloads VS Code, or takes it from the cache: the oldest release that the extension supports, and the newest one.
 * @throws where that cannot be done or nothing could be shown
 */
export async function desktopEditors(): Promise<HostEditor[]> {
  const { platform, env } = process;
  if (platform === 'linux' && env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined) {
    throw new Error('there is no display (to have one: xvfb-run -a npm run test:electron)');
  }
  const oldest = engines.vscode.replace('^', '');
  const editors: HostEditor[] = [];
  for (const version of [oldest, 'stable']) {
    const executable = await downloadAndUnzipVSCode({
      version,
      cachePath: join(cacheDirectory(), 'vscode'),
      reporter: new SilentReporter(),
    });
    editors.push({ name: `VS Code ${version}`, executable });
  }
  return editors;
}
