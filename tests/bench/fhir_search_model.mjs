// What an R4 search finds (http://hl7.org/fhir/R4/search.html), read a second time from the specification and from nothing else: over plain JSON, by the
// expressions of HL7's SearchParameters. Only what fhir_search.mjs asks. Shapes tell types: an object with `coding` is a CodeableConcept.

const list = (x) => (Array.isArray(x) ? x : x == null ? [] : [x])
const HOME_MINUTES = 480 // a date without zone is a day in China

/* ---- FHIRPath, as far as search parameters need it ---- */

const CHOICES = new Set(
  ('Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid PositiveInt String Time UnsignedInt Uri Url Uuid Address Age Annotation Attachment CodeableConcept ' +
    'Coding ContactPoint Count Distance Duration HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing Expression RelatedArtifact UsageContext Dosage Meta').split(' '),
)

/** Nodes are {v, t}: a value, and its type where a choice says it. */
function step(nodes, name) {
  return nodes.flatMap(({ v }) => {
    if (v === null || typeof v !== 'object') return []
    if (name in v) return list(v[name]).filter((x) => x !== null).map((x) => ({ v: x }))
    return Object.keys(v)
      .filter((k) => k.startsWith(name) && CHOICES.has(k.slice(name.length)))
      .flatMap((k) => list(v[k]).map((x) => ({ v: x, t: k.slice(name.length) })))
  })
}

const typed = (nodes, type) => nodes.filter((n) => (n.t ? n.t.toLowerCase() === type.toLowerCase() : type !== 'Reference' || n.v.reference !== undefined || n.v.identifier !== undefined))

/** The type a Reference leads to. */
function leadsTo(reference, root) {
  if (reference?.reference?.startsWith('#')) return list(root.contained).find((c) => `#${c.id}` === reference.reference)?.resourceType
  return /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/\w+)?$/.exec(reference?.reference ?? '')?.[1] ?? reference?.type
}

/** Cut at a sign outside brackets and quotes. */
function cut(text, sign) {
  const parts = ['']
  let depth = 0
  let quoted = false
  for (const c of text) {
    if (c === "'") quoted = !quoted
    if (!quoted) depth += c === '(' ? 1 : c === ')' ? -1 : 0
    if (c === sign && !depth && !quoted) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts.map((p) => p.trim())
}

function walk(path, nodes, root) {
  for (const part of cut(path, '.')) {
    let m
    if ((m = /^where\(resolve\(\) is (\w+)\)$/.exec(part))) nodes = nodes.filter((n) => leadsTo(n.v, root) === m[1])
    else if ((m = /^where\((\w+) ?= ?'([^']*)'\)$/.exec(part))) nodes = nodes.filter((n) => n.v[m[1]] === m[2])
    else if ((m = /^(?:as|ofType)\((\w+)\)$/.exec(part))) nodes = typed(nodes, m[1])
    else if ((m = /^extension\('(.*)'\)$/.exec(part))) nodes = step(nodes.flatMap((n) => list(n.v.extension).filter((e) => e.url === m[1]).map((v) => ({ v }))), 'value')
    else if ((m = /^(\w+)\[(\d+)\]$/.exec(part))) nodes = step(nodes, m[1]).slice(Number(m[2]), Number(m[2]) + 1)
    else if (/[()]/.test(part)) throw new Error(`not modelled: ${part}`)
    else nodes = step(nodes, part)
  }
  return nodes
}

function branch(text, root) {
  const bracketed = /^\((.*)\)((?:\.[^()]*)?)$/.exec(text)
  if (bracketed) return bracketed[2] ? walk(bracketed[2].slice(1), branch(bracketed[1], root), root) : branch(bracketed[1], root)
  const as = /^(.*) as (\w+)$/.exec(text)
  if (as) return typed(branch(as[1].trim(), root), as[2])
  const [head, ...rest] = cut(text, '.')
  if (/^[a-z]/.test(head)) return walk(text, [{ v: root }], root)
  if (![root.resourceType, 'Resource', 'DomainResource'].includes(head)) return []
  return rest.length ? walk(rest.join('.'), [{ v: root }], root) : [{ v: root }]
}

export const values = (resource, parameter) => cut(parameter.expression, '|').flatMap((p) => branch(p, resource))

/* ---- values by type of parameter ---- */

/** Letters small, accents, punctuation and needless blanks off: "SHOULD also be ignored". */
export const fold = (s) => s.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^\p{L}\p{N}\s]/gu, '').replace(/\s+/g, ' ').trim()

export function strings(v) {
  if (typeof v === 'string') return [v]
  if (v === null || typeof v !== 'object' || v.reference !== undefined) return []
  return ['family', 'given', 'text', 'prefix', 'suffix', 'line', 'city', 'district', 'state', 'postalCode', 'country'].flatMap((k) => list(v[k]))
}

/** {system, code, text}; `implied`: what its system is, the value does not say. */
export function tokens(v) {
  if (v === null || v === undefined) return []
  if (typeof v !== 'object') return [{ code: String(v), implied: true }]
  if (v.value !== undefined && ['phone', 'fax', 'email', 'pager', 'url', 'sms', 'other'].includes(v.system)) return [{ system: v.system, code: v.value, contact: true }]
  if (Array.isArray(v.coding) || (v.text !== undefined && v.system === undefined)) return [...list(v.coding).map((c) => ({ system: c.system, code: c.code, text: c.display })), ...(v.text === undefined ? [] : [{ text: v.text }])]
  if (v.value !== undefined || v.type !== undefined || v.use !== undefined) return [{ system: v.system, code: v.value, text: v.type?.text }]
  return [{ system: v.system, code: v.code, text: v.display }]
}

function moment(y, mo, d, h, mi, s, ms, offset) {
  const date = new Date(0)
  date.setUTCFullYear(y, mo, d)
  date.setUTCHours(h, mi, s, ms)
  return date.getTime() - offset * 60_000
}

/** [from, to) in ms. */
export function interval(text) {
  const m = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text)
  if (!m) return null
  const [, y, mo, d, h, mi, s, fraction, zone] = m
  const offset = !zone ? HOME_MINUTES : zone === 'Z' ? 0 : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))
  const at = (...a) => moment(...a, ...[0, 0, 1, 0, 0, 0, 0].slice(a.length), offset)
  if (!mo) return [at(+y), at(+y + 1)]
  if (!d) return [at(+y, mo - 1), at(+y, +mo)]
  if (!h) return [at(+y, mo - 1, +d), at(+y, mo - 1, +d + 1)]
  const from = at(+y, mo - 1, +d, +h, +mi, +(s ?? 0), Math.floor(Number(`0${fraction ?? ''}`) * 1000 + 1e-6))
  return [from, from + (s === undefined ? 60_000 : !fraction ? 1000 : fraction.length === 2 ? 100 : fraction.length === 3 ? 10 : 1)]
}

export function range(v) {
  if (typeof v === 'string') return interval(v)
  if (v.event || v.repeat) {
    const all = [...list(v.event).map(interval), ...(!v.event && v.repeat?.boundsPeriod ? [range(v.repeat.boundsPeriod)] : [])]
    return all.length ? [Math.min(...all.map((r) => r[0])), Math.max(...all.map((r) => r[1]))] : null
  }
  if (v.start === undefined && v.end === undefined) return null
  return [v.start ? interval(v.start)[0] : -Infinity, v.end ? interval(v.end)[1] : Infinity]
}

/** search.html#prefix */
export function meetsDate(prefix, asked, r) {
  const s = interval(asked)
  const within = s[0] <= r[0] && r[1] <= s[1]
  return { '': within, eq: within, ne: !within, gt: r[1] > s[1], lt: r[0] < s[0], ge: r[1] > s[1] || within, le: r[0] < s[0] || within, sa: r[0] >= s[1], eb: r[1] <= s[0] }[prefix]
}

/** The number, and the bounds of its precision. */
export function precision(text) {
  const m = /^[-+]?\d*(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/.exec(text)
  const half = 0.5 * 10 ** (Number(m[2] ?? 0) - (m[1] ?? '').length)
  return [Number(text), Number(text) - half, Number(text) + half]
}

/** Has the parameter a value here? */
export function valued(type, v) {
  if (type === 'reference') return typeof v === 'string' || v.id !== undefined || v.reference !== undefined || v.identifier?.value !== undefined
  if (type === 'token') return tokens(v).some((t) => t.code !== undefined || t.text !== undefined)
  if (type === 'date') return range(v) !== null
  if (type === 'string') return strings(v).length > 0
  if (type === 'quantity') return typeof v.value === 'number' || v.low !== undefined || v.high !== undefined
  return true
}

export const relative = (reference, base) => (reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference).replace(/\/_history\/.*$/, '')
