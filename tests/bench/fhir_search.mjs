// Does search find what R4 says? Some twenty thousand questions, every parameter of every type of the CapabilityStatement with values that lie there, with its modifiers and prefixes; then
// chains, _has, _include, _revinclude and _sort at random. The answers are compared with a second reading of the specification (fhir_search_model.mjs), page by page, strictly.
//   YL_BUILD=BUILD node tests/bench/fhir_search.mjs FOLDER [TYPE|all] [QUESTIONS=200] [SEED=7]
// FOLDER holds def/searchparameters.ndjson.gz, examples/r4-examples.ndjson.gz (HL7's) and synthea/*.json.gz, of which the six smallest are loaded. QUESTIONS: how many rounds at random. Prints
// each question answered otherwise; the last line counts. Not asked: composites (unit/records_r4_search.c), near, sets of codes, quantities in other units (wire/server_fhir_search.c).
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FhirClient } from '../browser/fhir.mjs'
import { nothing, startSite } from '../browser/site.mjs'
import { fold, meetsDate, precision, range, relative, strings, tokens, valued, values } from './fhir_search_model.mjs'

const [folder, only = 'all', rounds = '200', seed = '7'] = process.argv.slice(2)
const lines = (name) => gunzipSync(readFileSync(join(folder, name))).toString().split('\n').filter(Boolean).map((l) => JSON.parse(l))
const TERMS = ['CodeSystem', 'ValueSet', 'ConceptMap'] // kept elsewhere, searched by less

let state = Number(seed)
const chance = (n) => (state = (state * 1103515245 + 12345) & 0x7fffffff) % n
const one = (l) => l[(chance(1 << 20) >> 3) % l.length]
const some = (l, n) => {
  const left = [...new Set(l)]
  return Array.from({ length: Math.min(n, left.length) }, () => left.splice(chance(left.length), 1)[0])
}

/* ---- what lies there ---- */

const parameters = {}
for (const p of lines('def/searchparameters.ndjson.gz')) for (const base of p.base ?? []) (parameters[base] ??= {})[p.code] ??= p // a few are written twice
const parameter = (type, code) => parameters[type]?.[code] ?? parameters.DomainResource[code] ?? parameters.Resource[code]

const site = await startSite('127.0.0.1', '', nothing)
const client = await new FhirClient(site, 'search').signIn()
const base = `${site.base}/fhir`
let signedIn = Date.now()
async function get(path) {
  if (Date.now() - signedIn > 200_000) {
    await client.signIn()
    signedIn = Date.now()
  }
  return client.send('GET', path, '')
}

const kept = []
for (const o of lines('examples/r4-examples.ndjson.gz')) {
  if (!o.id || TERMS.includes(o.resourceType) || o.resourceType === 'Subscription') continue
  const a = await client.send('PUT', `/${o.resourceType}/${o.id}`, JSON.stringify(o))
  if (a.status <= 201) kept.push(a.json)
}
const bundles = readdirSync(join(folder, 'synthea')).sort((a, b) => /^0-/.test(b) - /^0-/.test(a) || statSync(join(folder, 'synthea', a)).size - statSync(join(folder, 'synthea', b)).size)
for (const name of bundles.slice(0, 8)) {
  const a = await client.send('POST', '', gunzipSync(readFileSync(join(folder, 'synthea', name))).toString())
  for (const e of a.json.entry ?? []) {
    const [, type, id] = /([A-Z]\w+)\/([^/]+)\/_history/.exec(e.response?.location ?? '') ?? []
    if (id) kept.push((await get(`/${type}/${id}`)).json)
  }
}
const name = (o) => `${o.resourceType}/${o.id}`
const there = new Map(kept.map((o) => [name(o), o]))
const of = {}
for (const o of there.values()) (of[o.resourceType] ??= []).push(o)
console.log(`${there.size} resources of ${Object.keys(of).length} types`)

/* ---- asking ---- */

let asked = 0
const other = []
async function search(query) {
  const got = { match: [], include: [], pages: 0 }
  asked++
  for (let path = `/${query}`; path; ) {
    const a = await get(path)
    if (a.status !== 200) return other.push(`${decodeURIComponent(query)}: ${a.status} ${JSON.stringify(a.json).slice(0, 200)}`), null
    for (const e of a.json.entry ?? []) if (there.has(name(e.resource))) got[e.search.mode]?.push(name(e.resource))
    path = a.json.link.find((l) => l.relation === 'next')?.url.slice(base.length)
  }
  return got
}
function compare(query, got, want) {
  const found = new Set(got)
  const extra = [...found].filter((i) => !want.has(i))
  const missing = [...want].filter((i) => !found.has(i))
  if (found.size < got.length) other.push(`${decodeURIComponent(query)}: something twice`)
  if (extra.length || missing.length) other.push(`${decodeURIComponent(query)}: ${found.size} found, ${want.size} meant; not meant ${extra.slice(0, 3)}; missing ${missing.slice(0, 3)}`)
}
async function finds(type, query, meets) {
  const got = await search(`${type}?${query}&_count=500&_elements=id`)
  if (got) compare(`${type}?${query}`, got.match, new Set(of[type].filter(meets).map(name)))
}

const E = encodeURIComponent
const escaped = (s) => E(String(s).replace(/([\\$,|])/g, '\\$1'))

/* ---- every parameter ---- */

const questions = {
  async string(type, p, all, of) {
    const texts = (o) => of(o).flatMap(strings)
    for (const s of some(all.flatMap(strings), 3)) {
      const [head, middle] = [s.slice(0, 6), s.slice(Math.floor(s.length / 3)).slice(0, 4)]
      if (fold(head)) await finds(type, `${p}=${escaped(head.toUpperCase())}`, (o) => texts(o).some((x) => fold(x).startsWith(fold(head))))
      if (fold(middle)) await finds(type, `${p}:contains=${escaped(middle)}`, (o) => texts(o).some((x) => fold(x).includes(fold(middle))))
      await finds(type, `${p}:exact=${escaped(s)}`, (o) => texts(o).includes(s))
    }
  },
  async token(type, p, all, of) {
    const codes = (o) => of(o).flatMap(tokens)
    for (const t of some(all.flatMap(tokens).filter((t) => t.code !== undefined).map((t) => JSON.stringify(t)), 3).map((t) => JSON.parse(t))) {
      const same = (x) => x.code !== undefined && String(x.code).toLowerCase() === String(t.code).toLowerCase()
      await finds(type, `${p}=${escaped(t.code)}`, (o) => codes(o).some(same))
      await finds(type, `${p}:not=${escaped(t.code)}`, (o) => !codes(o).some(same))
      if (t.implied) continue
      await finds(type, `${p}=|${escaped(t.code)}`, (o) => codes(o).some((x) => (x.contact || (!x.system && !x.implied)) && same(x))) // R4 knows no system of a ContactPoint
      if (!t.system) continue
      await finds(type, `${p}=${escaped(t.system)}|${escaped(t.code)}`, (o) => codes(o).some((x) => x.system === t.system && same(x)))
      await finds(type, `${p}=${escaped(t.system)}|`, (o) => codes(o).some((x) => x.system === t.system))
      await finds(type, `${p}:not=${escaped(t.system)}|${escaped(t.code)},nothing`, (o) => !codes(o).some((x) => x.system === t.system && same(x)))
    }
    for (const text of some(all.flatMap(tokens).map((t) => t.text).filter((t) => t && fold(t.slice(0, 5))), 2))
      await finds(type, `${p}:text=${escaped(text.slice(0, 5))}`, (o) => codes(o).some((x) => x.text && fold(x.text).startsWith(fold(text.slice(0, 5)))))
  },
  async date(type, p, all, of) {
    const written = all.flatMap((v) => (typeof v === 'string' ? [v] : [v.start, v.end, ...(v.event ?? [])])).filter(Boolean)
    for (const s of some(written, 3))
      for (const part of new Set([s, s.slice(0, 4), s.slice(0, 7), s.slice(0, 10)]))
        for (const prefix of ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'])
          await finds(type, `${p}=${prefix}${E(part)}`, (o) => of(o).map(range).some((r) => r && meetsDate(prefix, part, r)))
  },
  async number(type, p, all, of) {
    for (const n of some(all.filter((v) => typeof v === 'number').map(String), 3)) {
      const [value, low, high] = precision(n)
      const meets = { '': (x) => x >= low && x < high, ne: (x) => x < low || x >= high, gt: (x) => x > value, lt: (x) => x < value, ge: (x) => x >= value, le: (x) => x <= value }
      for (const [prefix, holds] of Object.entries(meets)) await finds(type, `${p}=${prefix}${n}`, (o) => of(o).some(holds))
    }
  },
  async uri(type, p, all, of) {
    for (const u of some(all, 3)) {
      await finds(type, `${p}=${escaped(u)}`, (o) => of(o).includes(u))
      if (!/^http.*\/\/.*\//.test(u)) continue
      const parent = u.slice(0, u.lastIndexOf('/'))
      await finds(type, `${p}:below=${escaped(parent)}`, (o) => of(o).some((x) => x === parent || x.startsWith(`${parent}/`)))
      await finds(type, `${p}:above=${escaped(`${u}/deeper`)}`, (o) => of(o).some((x) => `${u}/deeper`.startsWith(`${x}/`)))
    }
  },
  async reference(type, p, all, of) {
    const targets = parameter(type, p).target ?? []
    const refers = (o, to) => of(o).some((v) => v.reference && relative(v.reference, base) === to)
    for (const r of some(all.map((v) => v.reference).filter((r) => r && r[0] !== '#'), 3)) {
      const m = /^([A-Z]\w+)\/([^/]+)$/.exec(relative(r, base))
      if (!m) {
        await finds(type, `${p}=${escaped(r)}`, (o) => of(o).some((v) => v.reference === r))
        continue
      }
      for (const way of [`${p}=${E(m[0])}`, `${p}=${E(`${base}/${m[0]}`)}`, `${p}:${m[1]}=${m[2]}`]) if (targets.includes(m[1]) || !way.includes(':')) await finds(type, way, (o) => refers(o, m[0]))
      await finds(type, `${p}=${m[2]}`, (o) => of(o).some((v) => v.reference && targets.some((t) => relative(v.reference, base) === `${t}/${m[2]}`)))
    }
    for (const i of all.map((v) => v.identifier).filter((i) => i?.system && i.value).slice(0, 2))
      await finds(type, `${p}:identifier=${escaped(i.system)}|${escaped(i.value)}`, (o) => of(o).some((v) => v.identifier?.system === i.system && v.identifier.value === i.value))
    for (const c of some(all.filter((v) => typeof v === 'string' && v[0] !== '#'), 3)) {
      const url = c.split('|')[0]
      await finds(type, `${p}=${escaped(url)}`, (o) => of(o).some((v) => typeof v === 'string' && v.split('|')[0] === url))
      await finds(type, `${p}=${escaped(url)}|no-such-version`, () => false)
    }
  },
}

const statement = (await get('/metadata')).json
for (const { type, searchParam = [] } of statement.rest[0].resource)
  for (const { name: p } of of[type] && (only === 'all' || only === type) && !TERMS.includes(type) ? searchParam : []) {
    const definition = parameter(type, p)
    if (!definition) other.push(`${type}.${p} is no parameter of R4`)
    if (!definition?.expression || ['composite', 'special'].includes(definition.type) || /exists|hasExtension/.test(definition.expression)) continue
    const by = new Map(of[type].map((o) => [o, values(o, definition).map((n) => n.v).filter((v) => v !== null)]))
    const has = (o) => by.get(o).some((v) => valued(definition.type, v))
    await finds(type, `${p}:missing=true`, (o) => !has(o))
    await finds(type, `${p}:missing=false`, has)
    await questions[definition.type]?.(type, p, [...by.values()].flat(), (o) => by.get(o))
  }
console.log(`${asked} questions by parameter, ${other.length} answered otherwise`)

/* ---- at random: chains, _has, what comes along, order ---- */

const codes = (type, kind) => Object.values(parameters[type] ?? {}).filter((p) => p.type === kind && p.expression && !/exists|hasExtension|extension\(/.test(p.expression)).map((p) => p.code)
const at = (o, p) => values(o, parameter(o.resourceType, p)).map((n) => n.v)
const references = (o, p) => at(o, p).map((v) => v?.reference && relative(v.reference, base)).filter((r) => r && there.has(r))

/** A condition that something of the type meets: {query, meets}. */
function condition(type) {
  for (let i = 0; i < 30; i++) {
    const kind = one(['token', 'string', 'date'])
    const p = codes(type, kind).length ? one(codes(type, kind)) : null
    const all = p ? of[type].flatMap((o) => at(o, p)) : []
    const v = all.length ? one(all) : null
    const token = kind === 'token' && v ? tokens(v).find((t) => t.system && t.code !== undefined && !t.implied) : null
    if (token) return { query: `${p}=${escaped(token.system)}|${escaped(token.code)}`, meets: (o) => at(o, p).some((x) => tokens(x).some((t) => t.system === token.system && String(t.code).toLowerCase() === String(token.code).toLowerCase())) }
    const text = kind === 'string' && v ? strings(v).find((s) => /^[\w ]{3,}$/.test(s)) : null
    if (text) return { query: `${p}=${escaped(text)}`, meets: (o) => at(o, p).some((x) => strings(x).some((s) => fold(s).startsWith(fold(text)))) }
    const day = kind === 'date' && v ? (typeof v === 'string' ? v : v.start)?.slice(0, one([4, 7, 10])) : null
    const prefix = one(['', 'ge', 'lt'])
    if (day) return { query: `${p}=${prefix}${day}`, meets: (o) => at(o, p).some((x) => range(x) && meetsDate(prefix, day, range(x))) }
  }
  return null
}

async function along(type, p, target, mine) {
  const got = await search(`${type}?${mine.query}&_include=${type}:${p}`)
  const shown = of[type].filter(mine.meets)
  const matches = new Set(shown.map(name))
  if (got) compare(`${type}?${mine.query}&_include=${type}:${p}`, [...new Set(got.include)].filter((i) => !matches.has(i)), new Set(shown.flatMap((o) => references(o, p)).filter((r) => !matches.has(r))))
  const to = one(of[type].flatMap((o) => references(o, p)).filter((r) => r.startsWith(`${target}/`)))
  const back = await search(`${target}?_id=${to.split('/')[1]}&_revinclude=${type}:${p}`)
  const want = new Set(of[type].filter((o) => references(o, p).includes(to)).map(name).filter((i) => i !== to))
  if (back && want.size < 1000) compare(`${to} _revinclude=${type}:${p}`, back.include, want)
}

async function ordered(type) {
  const p = one([...codes(type, 'date'), ...codes(type, 'string'), '_id'])
  const down = chance(2) === 1
  const best = down ? Math.max : Math.min
  const key = (o) => {
    const ranges = parameter(type, p).type === 'date' ? at(o, p).map(range).filter(Boolean) : []
    return ranges.length ? best(...ranges.map((r) => r[0])) : null
  }
  const query = `${type}?_sort=${down ? '-' : ''}${p}&_count=${one([7, 50, 200])}`
  const got = await search(query)
  if (!got) return
  compare(query, got.match, new Set(of[type].map(name)))
  const keys = parameter(type, p).type === 'date' ? got.match.map((i) => key(there.get(i))) : []
  const wrong = keys.findIndex((k, i) => i && k !== null && (keys[i - 1] === null || (down ? keys[i - 1] < k : keys[i - 1] > k)))
  if (wrong > 0) other.push(`${query}: ${got.match[wrong]} stands behind ${got.match[wrong - 1]}`)
}

const types = Object.keys(of).filter((t) => !TERMS.includes(t) && (only === 'all' || only === t) && codes(t, 'reference').length)
for (let i = 0; i < Number(rounds) && types.length; i++) {
  const type = one(types)
  const p = one(codes(type, 'reference'))
  const all = of[type].flatMap((o) => references(o, p))
  if (!all.length) continue
  const target = one(all).split('/')[0]
  const [his, mine] = [condition(target), condition(type)]
  const chained = (o) => references(o, p).some((r) => r.startsWith(`${target}/`) && his.meets(there.get(r)))
  if (his) await finds(type, `${p}:${target}.${his.query}`, chained)
  if (his && mine) await finds(type, `${p}:${target}.${his.query}&${mine.query}`, (o) => chained(o) && mine.meets(o))
  if (mine) {
    const meant = new Set(of[type].filter(mine.meets).flatMap((o) => references(o, p)))
    await finds(target, `_has:${type}:${p}:${mine.query}`, (o) => meant.has(name(o)))
    await along(type, p, target, mine)
  }
  await ordered(type)
}

for (const o of other) console.log(o)
console.log(`${asked} questions, ${other.length} answered otherwise`)
await site.stop()
process.exit(other.length ? 1 : 0)
