import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What a shell would read again: a name with a quote or a `$` in it must never become a command. */
const noShell = {
  'no-restricted-syntax': [
    'error',
    {
      selector:
        "Property[key.name='shell'][value.type='Literal']:not([value.value=false]), " +
        "CallExpression[callee.name=/^(spawn|spawnSync|fork|execFile|execFileSync)$/] Property[key.name='shell']",
      message: 'Give programs their arguments as a list, without a shell.',
    },
    {
      selector:
        'CallExpression[callee.name=/^(exec|execSync)$/], CallExpression[callee.object.name=/^(child_process|childProcess|cp)$/]',
      message: 'Import spawn, spawnSync, fork or execFile by name: they take no command lines.',
    },
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: ['node:child_process', 'child_process'].map((name) => ({
        name,
        importNames: ['exec', 'execSync', 'default'],
        message: 'They hand a command line to a shell.',
      })),
    },
  ],
};

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.cache'] },
  eslint.configs.recommended,
  { rules: noShell },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-console': 'error',
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-unused-expressions': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        module: 'writable',
        require: 'readonly',
      },
    },
  },
);
