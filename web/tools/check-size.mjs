// The first route (sign-in page) must stay within 80 kB gzip of script and style.
import { existsSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT_BYTES = 80 * 1024
const manifest = JSON.parse(readFileSync('dist/manifest.json', 'utf8'))

/** A script with all it imports at once, and their styles; the sign-in page is part of the first script. */
function closure(file, seen) {
  const chunk = Object.values(manifest).find((c) => c.file === file)
  if (seen.has(file)) return
  seen.add(file)
  for (const css of chunk?.css ?? []) if (existsSync(`dist/${css}`)) seen.add(css)
  for (const key of chunk?.imports ?? []) closure(manifest[key].file, seen)
}

const files = new Set(['index.html']) // its own style is in it
for (const [, file] of readFileSync('dist/index.html', 'utf8').matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) closure(file, files)
let total = 0
for (const file of files) {
  const bytes = gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length
  total += bytes
  console.log(`${String(bytes).padStart(7)}  ${file}`)
}
console.log(`first route: ${total} bytes gzip of script and style (limit ${LIMIT_BYTES})`)
if (total > LIMIT_BYTES) {
  console.error('first route is too heavy')
  process.exit(1)
}
