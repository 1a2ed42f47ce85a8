/** The layers of src/, lowest first: a folder may import itself and what its rule allows, nothing else. */
const allowed = {
  sys: [],
  core: ['sys', 'protocol'],
  protocol: [],
  driver: ['core', 'sys', 'protocol'],
  daemon: ['driver', 'core', 'sys', 'protocol'],
  cli: ['protocol'],
  extension: ['webview', 'protocol'],
  webview: ['protocol'],
};

module.exports = {
  forbidden: [
    ...Object.entries(allowed).map(([folder, below]) => ({
      name: `${folder}-imports-downward`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: [folder, ...below].map((f) => `^src/${f}/`) },
    })),
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'vscode-in-extension-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/extension/' },
      to: { path: '^vscode$' },
    },
    {
      name: 'koffi-in-sys-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/sys/' },
      to: { path: 'koffi' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
  },
};
