import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** The server that the development proxy talks to. */
const target = process.env['SKOPOS_URL'] ?? 'http://127.0.0.1:9090';

export default defineConfig({
  plugins: [svelte()],
  server: {
    proxy: { '/api': target, '/loki': target, '/jaeger': { target, bypass: (req) => (req.url?.startsWith('/jaeger/api') ? undefined : req.url) } },
  },
  build: {
    target: 'es2022',
    // One file a page and one for each heavy library: the first paint needs neither editor nor chart.
    chunkSizeWarningLimit: 600,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
