// Bundles the three programs: the extension, the command line, and the daemon with its engine thread.
import { build } from 'esbuild';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: 'linked',
  minify: !process.argv.includes('--dev'),
  keepNames: true,
  logLevel: 'warning',
};

await Promise.all([
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
