// Writes FILE.gz and FILE.br beside every text asset of the build: the daemon sends them as they are (it compresses nothing itself).
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const TEXT = /\.(html|js|mjs|css|svg|json|txt)$/
const MIN_BYTES = 512

async function* files(dir) {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else yield path
  }
}

export function precompress() {
  let out = 'dist'
  return {
    name: 'yilian-precompress',
    apply: 'build',
    configResolved(config) {
      out = join(config.root, config.build.outDir)
    },
    async closeBundle() {
      for await (const path of files(out)) {
        if (!TEXT.test(path)) continue
        const bytes = await readFile(path)
        if (bytes.length < MIN_BYTES) continue
        await writeFile(path + '.gz', gzipSync(bytes, { level: 9 }))
        const quality = bytes.length > 1_000_000 ? 9 : 11
        await writeFile(path + '.br', brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }))
      }
    },
  }
}
