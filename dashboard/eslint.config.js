import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const LAYERS = {
  lib: ['$api/*', '$charts/*', '$features/*'],
  api: ['$charts/*', '$features/*'],
  charts: ['$api/*', '$features/*'],
  features: ['$features/*'],
};

/** Imports go one way: app -> features -> charts, api -> lib. A feature never imports another feature. */
const layer = ([folder, forbidden]) => ({
  files: [`src/${folder}/**/*.{ts,svelte}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { group: forbidden, message: `src/${folder} stands below: imports go app -> features -> charts, api -> lib.` },
          { group: ['**/app/*'], message: 'Nothing imports the application shell.' },
          {
            regex: folder === 'features' ? '^(\\.\\./){2}' : '^(\\.\\./)+(api|app|charts|features|lib)/',
            message: 'Leave a layer through its alias ($api, $charts, $lib).',
          },
        ],
      },
    ],
  },
});

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      complexity: ['error', 10],
      eqeqeq: 'error',
      'max-lines': ['error', 250],
      'max-params': ['error', 6],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-undef': 'off', // the type checker knows better
      'svelte/no-at-html-tags': 'error', // text from users is shown as text
      // Sets and maps here are local, or deliberately not reactive.
      'svelte/prefer-svelte-reactivity': 'off',
      // Links carry complete paths: the router listens for clicks on the document and there is no base path.
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
  },
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off' } },
  ...Object.entries(LAYERS).map(layer),
);
