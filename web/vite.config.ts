import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { inlineStyle } from './tools/inline-style.mjs'
import { pdfAssets } from './tools/pdf-assets.mjs'
import { precompress } from './tools/precompress.mjs'

// The daemon serves web/dist itself (config/: `web_root`), under a Content-Security-Policy without 'unsafe-inline' or eval:
// nothing here may emit an inline script, and no inline style but the one of index.html, which the daemon allows by its hash.
export default defineConfig({
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  plugins: [vue(), pdfAssets(), inlineStyle(), precompress()],
  resolve: { dedupe: ['vue', 'vue-router'], alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'chrome109', // the last Chromium for Windows 7, still common in township hospitals
    cssTarget: 'chrome109',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: 'manifest.json',
    rollupOptions: {
      output: {
        // All that the first page needs is one script, and the style is in the page: over HTTP/1.1 every further file wants a connection of
        // its own or waits for the one before it, which on a township line costs round trips.
        codeSplitting: {
          groups: [
            { name: 'app', test: /src\/main\.ts$/ },
            { name: 'pdf', test: /node_modules\/pdfjs-dist/ },
          ],
        },
      },
    },
  },
  // Development only: `YL_DAEMON=https://127.0.0.1:8443 npm run dev`.
  server: {
    fs: { allow: [fileURLToPath(new URL('..', import.meta.url))] }, // tests/browser/kit lies outside web/
    proxy: Object.fromEntries(
      ['/api', '/ws', '/whip', '/whep'].map((path) => [
        path,
        { target: process.env.YL_DAEMON ?? 'https://127.0.0.1:8443', secure: false, ws: path === '/ws' },
      ]),
    ),
  },
})
