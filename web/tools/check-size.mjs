// The first route (sign-in page) must stay within 80 kB gzip of script and style.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT_BYTES = 80 * 1024
const manifest = JSON.parse(readFileSync('dist/manifest.json', 'utf8'))

function closure(key, seen = new Set()) {
  const chunk = manifest[key]
  if (!chunk || seen.has(key)) return seen
  seen.add(key)
  for (const next of chunk.imports ?? []) closure(next, seen)
  return seen
}

const keys = closure('index.html') // the sign-in page is part of it
const files = new Set()
for (const key of keys) {
  files.add(manifest[key].file)
  for (const css of manifest[key].css ?? []) files.add(css)
}
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
