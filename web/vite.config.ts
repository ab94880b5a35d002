import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { pdfAssets } from './tools/pdf-assets.mjs'
import { precompress } from './tools/precompress.mjs'

// The daemon serves web/dist itself (config/: `web_root`), under a Content-Security-Policy without 'unsafe-inline' or eval:
// nothing here may emit an inline script or style.
export default defineConfig({
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  plugins: [vue(), pdfAssets(), precompress()],
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
        // pdf.js ships its worker as .mjs: one file type fewer for the server to know
        assetFileNames: (asset) => (asset.names[0]?.endsWith('.mjs') ? 'assets/[name]-[hash].js' : 'assets/[name]-[hash][extname]'),
        manualChunks(id: string): string | undefined {
          if (/node_modules\/(vue|@vue|vue-router)\//.test(id)) return 'vue'
          if (id.includes('node_modules/pdfjs-dist')) return 'pdf'
          if (/src\/lib\/(kit|i18n|time)/.test(id) || id.includes('plugin-vue:export-helper')) return 'kit'
          return undefined
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
