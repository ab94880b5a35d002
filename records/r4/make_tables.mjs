// Makes config/data/r4_*.tsv from the FHIR R4 (4.0.1) definitions: node records/r4/make_tables.mjs FOLDER, where FOLDER holds the package's
// resources as NDJSON, one kind a file (structuredefinitions-base, searchparameters, compartments, valuesets, codesystems .ndjson.gz).
// The columns are described in records/r4/r4.h. Run by hand when the definitions change; the tables are committed.
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const from = process.argv[2]
const to = new URL('../../config/data/', import.meta.url).pathname
const read = (name) => gunzipSync(readFileSync(`${from}/${name}.ndjson.gz`)).toString().trim().split('\n').map((l) => JSON.parse(l))
const write = (name, rows) => writeFileSync(`${to}${name}`, rows.map((r) => r.map((c) => String(c ?? '').replace(/\s+/g, ' ').trim()).join('\t')).join('\n') + '\n')
const byUrl = (list) => new Map(list.map((r) => [r.url, r]))

// Two expressions as published name FHIR types by names that are no FHIR types.
const mend = (x) => x?.replace('answer is Boolean', 'answer is boolean').replace('value.as(DateTime)', 'value.as(dateTime)')

// ---- invariants: one row for each expression; a key that stands for two of them is told apart by a suffix ----
const NATIVE = new Set(['ele-1', 'ext-1', 'dom-2', 'dom-3', 'dom-4', 'dom-5', 'dom-6', 'txt-1', 'txt-2', 'ref-1']) // in validate.c
const invariants = new Map()
const idOf = (c) => {
  let id = c.key
  for (let n = 2; invariants.has(id) && invariants.get(id).expression !== c.expression; n++) id = `${c.key}~${n}`
  if (!invariants.has(id)) invariants.set(id, c)
  return id
}
const constraints = (e) => (e.constraint ?? []).filter((c) => !NATIVE.has(c.key) && c.expression).map(idOf).join(',')

// ---- types ----
const SYSTEM = 'http://hl7.org/fhirpath/System.'
const required = new Set()
const types = []
const definitions = read('structuredefinitions-base').filter((d) => d.kind !== 'logical').sort((a, b) => (a.id < b.id ? -1 : 1))
const last = (url) => url.split('/').pop()
const typeName = (path, t) => {
  if (!t.code.startsWith(SYSTEM)) return t.code
  if (path === 'Extension.url') return 'uri'
  return /^[A-Z]\w*\.id$/.test(path) && definitions.find((d) => d.id === path.split('.')[0])?.kind === 'resource' ? 'id' : 'string'
}
function element(d, e, backbones) {
  const name = e.path.split('.').pop()
  let list
  if (e.contentReference) list = e.contentReference.slice(1)
  else if (backbones.has(e.path)) list = e.path
  else
    list = e.type.map((t) => {
      const targets = (t.code === 'Reference' ? (t.targetProfile ?? []) : []).map(last)
      return typeName(e.path, t) + (targets.length ? `(${targets.join('|')})` : '')
    }).join(',')
  const flags = (e.isSummary ? 's' : '') + (e.isModifier ? 'm' : '')
  let binding = ''
  if (e.binding?.strength === 'required' && e.binding.valueSet) {
    binding = e.binding.valueSet.split('|')[0]
    required.add(binding)
  }
  return ['E', name, e.min, e.max, flags, list, binding, constraints(e)]
}
for (const d of definitions) {
  const all = d.snapshot.element
  const kind = d.kind === 'resource' ? 'r' : d.kind === 'complex-type' ? 'c' : 'p'
  const base = d.baseDefinition ? last(d.baseDefinition) : ''
  if (kind === 'p') {
    types.push(['T', d.id, 'p', base, ''])
    continue
  }
  const backbones = new Set(all.filter((e) => all.some((o) => o.path.startsWith(e.path + '.'))).map((e) => e.path))
  for (const owner of all.filter((e) => backbones.has(e.path) || e.path === d.id)) {
    const root = owner.path === d.id
    const ownerBase = root ? base : owner.type[0].code
    types.push(['T', owner.path, root ? kind + (d.abstract ? 'a' : '') : 'b', ownerBase, root ? constraints(owner) : ''])
    for (const e of all) if (e.path.startsWith(owner.path + '.') && !e.path.slice(owner.path.length + 1).includes('.')) types.push(element(d, e, backbones))
  }
}
write('r4_types.tsv', types)
write('r4_invariants.tsv', [...invariants].map(([id, c]) => [id, c.severity, mend(c.expression), c.human]))

// ---- required value sets, enumerated ----
const valueSets = byUrl(read('valuesets')), codeSystems = byUrl(read('codesystems'))
const walk = (list, out) => {
  for (const c of list ?? []) {
    out.push(c.code)
    walk(c.concept, out)
  }
  return out
}
function parts(url) {
  const found = []
  const compose = valueSets.get(url)?.compose
  if (!compose || compose.exclude) return null
  for (const i of compose.include) {
    if (i.filter) return null
    if (i.concept) found.push([i.system, i.concept.map((c) => c.code)])
    else if (i.system) {
      const s = codeSystems.get(i.system)
      if (!s || s.content !== 'complete') return null
      found.push([i.system, walk(s.concept, [])])
    }
    for (const v of i.valueSet ?? []) {
      const inner = i.system ? null : parts(v.split('|')[0])
      if (!inner) return null
      found.push(...inner)
    }
  }
  return found
}
const codes = []
const open = []
for (const url of [...required].sort()) {
  const found = parts(url)
  if (!found) open.push(url)
  else {
    codes.push(['V', url])
    for (const [system, list] of found) codes.push(['S', system, ...list])
  }
}
write('r4_codes.tsv', codes)
console.log('required value sets that are not enumerations here:', open)

// ---- search parameters ----
const search = read('searchparameters').filter((p) => p.base).sort((a, b) => (a.id < b.id ? -1 : 1))
write('r4_search.tsv', search.map((p) => [p.id, p.code, p.type, p.base.join(','), (p.target ?? []).join(','), p.expression,
  ...(p.component ?? []).flatMap((c) => [last(c.definition), mend(c.expression)])]))

// ---- compartments ----
write('r4_compartments.tsv', read('compartments').flatMap((c) => c.resource.filter((r) => r.param).map((r) => [c.code, r.code, ...r.param])))
