// No function of ours has the name of one in a library we link: a linker may put ours in the library's place.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const build = process.env.YL_BUILD ?? new URL('../../build-test', import.meta.url).pathname
if (!existsSync(join(build, 'yiliand'))) {
  console.log(`FAIL nothing is built in ${build}\n0 passed, 1 failed`)
  process.exit(1)
}
const run = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] })
const names = (text) => text.split('\n').map((l) => l.split(' ')).filter((f) => f.length === 3).map((f) => f[2].replace(/@.*/, ''))
const ours = new Set(readdirSync(build).filter((f) => f.endsWith('.a')).flatMap((f) => names(run('nm', '-g', '--defined-only', join(build, f)))))
const libraries = run('ldd', join(build, 'yiliand')).split('\n').map((l) => /=> (\S+)/.exec(l)?.[1]).filter(Boolean)
const clashes = libraries.flatMap((so) => names(run('nm', '-D', '--defined-only', so)).filter((n) => ours.has(n)).map((n) => `${n} is in ${so} too`))
console.log(`${clashes.length ? 'FAIL' : 'ok  '} no name of ours is one of a library's (${ours.size} names, ${libraries.length} libraries)`)
for (const c of clashes) console.log(`     ${c}`)
console.log(clashes.length ? '0 passed, 1 failed' : '1 passed, 0 failed')
process.exitCode = clashes.length ? 1 : 0
