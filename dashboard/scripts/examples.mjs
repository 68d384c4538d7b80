// Builds the page of chart examples into a folder: `node scripts/examples.mjs FOLDER`. No page that people load knows of it.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const dashboard = dirname(dirname(fileURLToPath(import.meta.url)));
const outDir = process.argv[2];
if (!outDir) throw new Error('usage: node scripts/examples.mjs FOLDER');

await build({
  configFile: join(dashboard, 'vite.config.ts'),
  root: join(dashboard, 'examples'),
  base: './',
  publicDir: false,
  logLevel: 'warn',
  build: { outDir, emptyOutDir: true, minify: false, manifest: false },
});
