// Makes config/data/r4_terms.txt: the code systems and value sets that FHIR R4 (4.0.1) itself defines, with HL7's tables of v2 and v3, from its
// package: node records/term/make_definitions.mjs FOLDER (codesystems.ndjson.gz, valuesets.ndjson.gz). Run by hand; the file is committed.
//
// First one line for each resource, by url and version: kind(S, V) id url version name offset length; an empty line; then the resources as compact
// JSON at those offsets (records/term/ts_defs.c). Left out: what third parties hold rights in, and value sets of systems that are not here.
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const from = process.argv[2]
const read = (name) => gunzipSync(readFileSync(`${from}/${name}.ndjson.gz`)).toString().trim().split('\n').map((l) => JSON.parse(l))
const pick = (o, names) => Object.fromEntries(names.filter((n) => o[n] !== undefined).map((n) => [n, o[n]]))
const HEAD = ['resourceType', 'id', 'url', 'version', 'name', 'title', 'status', 'experimental', 'date', 'publisher', 'copyright', 'language']

const foreign = (r) => /SNOMED|LOINC|DICOM|National Electrical|\bAHA\b|ISO Standard|ASTM|Transition Authority|IHE|IEEE|UCUM|CPT|NUCC|ENSEMBL|FDA/i.test(r.copyright ?? '') || /snomed|astm/.test(r.url)

// A version stands behind the url of some tables of v2: .../v2-0006|2.1
function split(url, version) {
  const [first, behind] = url.split('|')
  return behind ? [first, behind] : [first, version]
}

const text = (v) => (typeof v === 'string' ? v.replace(/\s+/g, ' ').trim() : v)
function concepts(list) {
  return list?.map((c) => {
    const out = pick(c, ['code', 'display', 'definition', 'property'])
    if (out.definition) out.definition = text(out.definition)
    if (out.definition === out.display || out.definition === `${out.display}.`) delete out.definition // says nothing more
    const chinese = c.designation?.filter((d) => d.language?.startsWith('zh')).map((d) => pick(d, ['language', 'use', 'value']))
    if (chinese?.length) out.designation = chinese
    if (c.concept) out.concept = concepts(c.concept)
    return out
  })
}

function system(r) {
  const out = pick(r, [...HEAD, 'caseSensitive', 'valueSet', 'hierarchyMeaning', 'compositional', 'versionNeeded', 'content', 'property'])
  ;[out.url, out.version] = split(r.url, r.version)
  return { ...out, ...(r.concept ? { concept: concepts(r.concept) } : {}) }
}

function include(i) {
  const out = pick(i, ['system', 'version', 'concept', 'filter', 'valueSet'])
  if (out.system) [out.system, out.version] = split(out.system, out.version)
  if (!versions.has(`${out.system}|${out.version}`)) delete out.version // Task's set says 3.6.0, and the package has 4.0.1
  if (out.concept) out.concept = out.concept.map((c) => pick(c, ['code', 'display']))
  return out
}

function set(r) {
  const compose = pick(r.compose, ['inactive', 'include', 'exclude'])
  for (const part of ['include', 'exclude']) if (compose[part]) compose[part] = compose[part].map(include)
  const out = pick(r, HEAD)
  ;[out.url, out.version] = split(r.url, r.version)
  return { ...out, compose }
}

const systems = read('codesystems').filter((s) => !foreign(s) && ['complete', 'fragment', 'example'].includes(s.content)).map(system)
const urls = new Set(systems.map((s) => s.url))
const versions = new Set(systems.map((s) => `${s.url}|${s.version}`))
let sets = read('valuesets').filter((v) => !foreign(v) && v.compose?.include?.length).map(set)
for (let before = -1; before !== sets.length;) { // a set whose import goes goes too
  before = sets.length
  const named = new Set(sets.map((s) => s.url))
  const here = (i) => (!i.system || urls.has(i.system)) && (i.valueSet ?? []).every((v) => named.has(v.split('|')[0]))
  sets = sets.filter((s) => [...s.compose.include, ...(s.compose.exclude ?? [])].every(here))
}

const byUrl = (a, b) => Buffer.compare(Buffer.from(`${a.url}\t${a.version ?? ''}`), Buffer.from(`${b.url}\t${b.version ?? ''}`))
const lines = []
const bodies = []
let at = 0
for (const [kind, list] of [['S', systems], ['V', sets]])
  for (const r of list.sort(byUrl)) {
    const body = JSON.stringify(r)
    const length = Buffer.byteLength(body)
    lines.push([kind, r.id, r.url, r.version ?? '', r.name ?? '', at, length].join('\t'))
    bodies.push(body)
    at += length + 1
  }
writeFileSync(new URL('../../config/data/r4_terms.txt', import.meta.url), `${lines.join('\n')}\n\n${bodies.join('\n')}\n`)
console.log(`${systems.length} code systems, ${sets.length} value sets, ${at} bytes`)
