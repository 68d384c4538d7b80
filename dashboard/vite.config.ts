import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const from = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const server = process.env.TUNEWELL_SERVER ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    alias: { $api: from('src/api'), $charts: from('src/charts'), $features: from('src/features'), $lib: from('src/lib') },
    // Component tests mount components, so they need Svelte's browser build.
    ...(process.env.VITEST ? { conditions: ['browser'] } : {}),
  },
  build: { target: 'es2022', assetsInlineLimit: 0, manifest: true },
  server: { host: '127.0.0.1', proxy: { '/api': server, '/docs': server, '/openapi.json': server } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
});
