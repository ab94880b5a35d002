// Puts the character maps, the fourteen standard fonts and the image decoders of pdf.js into the build under /pdf/: Chinese PDF files
// without embedded fonts are unreadable without them. Loaded only when a document asks for them. WebAssembly is not shipped: the
// Content-Security-Policy forbids it, and the plain JavaScript decoders read the same files. What would run a PDF's own scripts is not either.
import { cp } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join, normalize } from 'node:path'

// Of the character maps those of Chinese and of Unicode; the daemon holds all files in memory.
const wanted = (path) => !/\.wasm$|quickjs/i.test(path) && (!path.endsWith('.bcmap') || /\/(Adobe|Uni|GB|B5|CNS|ETen|HK)[^/]*$/.test(path))
const FOLDERS = ['cmaps', 'standard_fonts', 'wasm']

export function pdfAssets() {
  let root = '.'
  let out = 'dist'
  const source = () => join(root, 'node_modules/pdfjs-dist')
  return {
    name: 'yilian-pdf-assets',
    configResolved(config) {
      root = config.root
      out = join(config.root, config.build.outDir)
    },
    configureServer(server) {
      server.middlewares.use('/pdf', (request, response, next) => {
        const path = normalize((request.url ?? '').split('?')[0])
        if (!FOLDERS.some((folder) => path.startsWith(`/${folder}/`))) return next()
        createReadStream(join(source(), path)).on('error', () => next()).pipe(response)
      })
    },
    async writeBundle() {
      for (const folder of FOLDERS) await cp(join(source(), folder), join(out, 'pdf', folder), { recursive: true, filter: wanted })
    },
  }
}
