// Every words(zh, en) pair of the application: the same keys, nothing empty, the same {placeholders}, and Chinese where Chinese belongs.
// vue-tsc already refuses different keys; this looks into the texts.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'vite'

function* walk(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (/words[^/]*\.ts$/.test(entry.name)) yield path
  }
}

const faults = []
/** One thing, one word: what is said of it elsewhere. Curly quotation marks are as wide as a Chinese letter in the fonts of the pages. */
const ONE_WORD = [
  [/[\u2018\u2019\u201c\u201d]/, 'straight quotation marks'],
  [/\bdead letters?\b/i, 'problem message'],
  [/\b(asking side|institution asked|department asked)\b/i, 'requesting side, consulted institution'],
  [/\bapplicant doctor\b/i, 'requesting doctor'],
  [/\b(wished|wanted) (expert|title)\b/i, 'preferred'],
  [/\bpresent password\b/i, 'current password'],
  [/\b(some|no|every)body\b/i, 'someone, no one, everyone'],
  [/\bput aside\b/i, 'set aside'],
]
let pairs = 0
const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join(',')

/** Forms of number (`{n|record|records}`) go by a placeholder that stands in the text too, unless the form is all of the text. */
const unnumbered = (text, known) => [...text.matchAll(/\{(\w*)\|[^}]*\}?/g)].some(([all, name]) => !/^\{\w+\|[^|{}]*\|[^|{}]*\}$/.test(all) || (!known.split(',').includes(name) && all !== text))

function compare(file, zh, en) {
  for (const key of new Set([...Object.keys(zh), ...Object.keys(en)])) {
    pairs++
    const a = zh[key]
    const b = en[key]
    if (!a?.trim() || !b?.trim()) faults.push(`${file}: ${key}: missing or empty`)
    else if (placeholders(a) !== placeholders(b)) faults.push(`${file}: ${key}: placeholders differ`)
    else if (unnumbered(b, placeholders(a))) faults.push(`${file}: ${key}: {n|one|more} is not whole`)
    else if (ONE_WORD.some(([word]) => word.test(b))) faults.push(`${file}: ${key}: the word elsewhere is: ${ONE_WORD.find(([word]) => word.test(b))[1]}`)
    else if (/[\u4e00-\u9fff]/.test(b) && !/^(中文|简体中文)$/.test(b)) faults.push(`${file}: ${key}: Chinese left in the English text`)
  }
}

const server = await createServer({ server: { middlewareMode: true, hmr: false, ws: false }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } })
const { wordTables } = await server.ssrLoadModule('/src/lib/i18n.ts')
for (const path of walk('src')) {
  wordTables.length = 0
  await server.ssrLoadModule('/' + path)
  for (const { zh, en } of wordTables) compare(path, zh, en)
}
await server.close()

// Texts of pages live in words files: a Vue template or script with Chinese in it was forgotten.
function* sources(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (entry.name.endsWith('.vue')) yield path
  }
}
for (const path of sources('src')) {
  const text = readFileSync(path, 'utf8').replace(/<!--[\s\S]*?-->|\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  text.split('\n').forEach((line, i) => {
    if (/[\u4e00-\u9fff]/.test(line)) faults.push(`${path}:${i + 1}: Chinese text outside a words file`)
  })
}
if (faults.length) {
  console.error(faults.join('\n'))
  process.exit(1)
}
console.log(`words: ${pairs} pairs agree`)
