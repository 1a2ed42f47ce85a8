// Bundles the extension with the page of its editor, the command line, and the daemon with its engine thread.
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { thirdPartyNotices } from './scripts/notices.mjs';

const dev = process.argv.includes('--dev');

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // What is shipped does not name its source map, which is not shipped.
  sourcemap: dev ? 'linked' : 'external',
  minify: !dev,
  keepNames: true,
  // A package that is not bundled is loaded in one form only, the one that is shipped.
  supported: { 'dynamic-import': false },
  metafile: true,
  logLevel: 'warning',
};

const bundles = await Promise.all([
  build({
    ...common,
    entryPoints: [
      { in: 'src/webview/main.ts', out: 'webview' },
      { in: 'src/webview/style.css', out: 'webview' },
    ],
    outdir: 'dist',
    platform: 'browser',
    target: 'chrome134',
    format: 'iife',
  }),
  build({
    ...common,
    entryPoints: { extension: 'src/extension/main.ts' },
    outdir: 'dist',
    external: ['vscode'],
  }),
  build({
    ...common,
    entryPoints: {
      cli: 'src/cli/main.ts',
      daemon: 'src/daemon/main.ts',
      engine: 'src/daemon/engineThread.ts',
      announcer: 'src/driver/kernel/announcerProcess.ts',
    },
    outdir: 'dist',
    external: ['koffi'],
  }),
]);
writeFileSync('dist/THIRD-PARTY-NOTICES.txt', thirdPartyNotices(bundles.map(({ metafile }) => metafile)));

await build({
  entryPoints: ['bash', 'zsh', 'fish'].map((shell) => `src/cli/completions/cowspace.${shell}`),
  outdir: 'dist/completions',
  loader: { '.bash': 'copy', '.zsh': 'copy', '.fish': 'copy' },
});
