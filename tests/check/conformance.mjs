// docs/conformance.md names tests and places: every one of them exists, and no capability stands there twice. A test is FILE of tests/, or FILE#CASE.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname
const rows = readFileSync(join(root, 'docs/conformance.md'), 'utf8').split('\n').filter((l) => l.startsWith('|') && !/^\|[-| ]+\|$/.test(l) && !/^\| (#|Required) \|/.test(l))
const wrong = []
const told = new Set()
let named = 0
for (const row of rows) {
  const cells = row.split('|').map((c) => c.trim()).slice(1, -1)
  const what = cells.slice(0, -2).join(' | ').slice(0, 55) // a later wording of the same begins alike
  if (told.has(what)) wrong.push(`stands there twice: ${what.slice(0, 100)}`)
  told.add(what)
  const tests = [...cells.at(-1).matchAll(/`([a-z_]+\/[^`]+)`/g)].map((m) => m[1])
  for (const test of tests) {
    const [file, name] = test.split('#')
    const path = join(root, 'tests', file)
    named++
    if (!existsSync(path)) wrong.push(`no such test: ${test}`)
    else if (name && !new RegExp(`\\bcmocka_unit_test\\w*\\(${name}\\b|\\bT\\(${name}\\)|'${name}'`).test(readFileSync(path, 'utf8'))) wrong.push(`${file} has no case ${name}, or does not run it`)
  }
  if (!tests.length && !/not yet/.test(row)) wrong.push(`neither a test nor "not yet": ${row.slice(0, 100)}`)
  let folder = ''
  for (const m of cells.at(-2).matchAll(/`([\w./-]+)`/g)) {
    const place = m[1].includes('/') ? m[1] : folder + m[1] // a bare name stands in the folder named before it
    if (m[1].includes('/')) folder = m[1].replace(/[^/]*$/, '')
    if (/[*]/.test(place) || /^[a-z]+ctl$/.test(m[1])) continue
    if (!existsSync(join(root, place))) wrong.push(`no such place: ${place}`)
  }
}
console.log(`${wrong.length ? 'FAIL' : 'ok  '} what docs/conformance.md names exists (${rows.length} rows, ${named} tests)`)
for (const w of wrong) console.log(`     ${w}`)
console.log(wrong.length ? '0 passed, 1 failed' : '1 passed, 0 failed')
process.exitCode = wrong.length ? 1 : 0
