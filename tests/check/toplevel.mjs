// The top level is fixed: what stands there besides is either a build product (.gitignore) or a mistake.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

const root = new URL('../..', import.meta.url).pathname
const allowed = new Set(['CMakeLists.txt', 'README.md', 'server', 'media', 'records', 'web', 'config', 'tests', 'docs'])
let names
try {
  names = execFileSync('git', ['-C', root, '-c', `safe.directory=${root.replace(/\/$/, '')}`, 'ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean).map((f) => f.split('/')[0])
} catch {
  names = readdirSync(root).filter((n) => !/^(build|build-.*|run)$/.test(n)) // an exported tree without git
}
const strange = [...new Set(names)].filter((n) => !allowed.has(n) && !n.startsWith('.'))
const missing = [...allowed].filter((n) => !names.includes(n))
const ok = !strange.length && !missing.length
console.log(`${ok ? 'ok  ' : 'FAIL'} only the agreed names at the top level`)
if (strange.length) console.log(`     not agreed: ${strange.join(', ')}`)
if (missing.length) console.log(`     missing: ${missing.join(', ')}`)
console.log(ok ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exitCode = ok ? 0 : 1
