// What the operations of data quality answer (docs/protocol/http.md, "Data quality").
import { grouped } from '@/lib/i18n'
import { qw } from './words'

export interface Count {
  codes: number
  seen: number
}
export interface Coverage {
  source: { id: string; name: string | null; org: string | null }
  kind: string
  mapped: Count
  given: Count
  open: Count
  rejected: Count
  uncoded: number
  last_ms: number
}
export interface Remap {
  running: boolean
  looked: number
  changed: number
  begun_ms: number
  done_ms: number
  pending: number
}
export interface CoverageAnswer {
  items: Coverage[]
  remap: Remap
  codes_max: number
}
export type CodeState = 'open' | 'given' | 'mapped' | 'rejected'
export interface Code {
  id: string
  source: { id: string; name: string | null }
  kind: string
  system: string
  code: string
  display: string
  seen: number
  first_ms: number
  last_ms: number
  state: CodeState
  to: { system: string; code: string; display: string; version: string } | null
  given: { system: string; code: string } | null
  target: string
}
export interface Candidate {
  system: string
  code: string
  display: string
  version: string
  why: string
  alike: number
}
export interface Act {
  id: string
  act: 'map' | 'reject'
  person: string | null
  t_ms: number
  code: string
  display: string
  note: string
  undone_ms: number | null
  undone_by: string | null
}
export interface CodeDetail extends Code {
  candidates: Candidate[]
  history: Act[]
  actions: ('map' | 'reject' | 'undo')[]
}
export const KINDS = ['diagnosis', 'problem', 'procedure', 'observation', 'report', 'order', 'medication', 'dispense', 'allergy', 'immunization', 'charge'] as const
export const kindText = (kind: string): string => qw.maybe(`k_${kind}`) ?? kind
export const stateKind = (s: CodeState): 'ok' | 'warn' | 'info' | 'plain' => (s === 'mapped' ? 'ok' : s === 'open' ? 'warn' : s === 'given' ? 'info' : 'plain')

/** Code systems by the names people know; others as they are. */
const SYSTEMS: Record<string, string> = {
  'urn:yilian:codesystem:icd10-nhsa': 's_icd10', 'urn:yilian:codesystem:icd9cm3-nhsa': 's_icd9', 'urn:yilian:codesystem:icd10-clinical': 's_icd10c', 'urn:yilian:codesystem:icd9cm3-clinical': 's_icd9c', 'http://loinc.org': 's_loinc', 'http://hl7.org/fhir/sid/icd-10': 's_who10', 'http://snomed.info/sct': 's_sct',
}
export const systemText = (url: string): string => (SYSTEMS[url] ? (qw.maybe(SYSTEMS[url]) ?? url) : url)
export const n = grouped
export const allSeen = (c: Coverage): number => c.mapped.seen + c.given.seen + c.open.seen + c.rejected.seen + c.uncoded
export const standardSeen = (c: Coverage): number => c.mapped.seen + c.given.seen
/** Never 100 % while something is missing. */
export function percent(part: number, of: number): string {
  if (!of) return '–'
  const tenths = Math.floor((1000 * part) / of)
  return `${tenths % 1000 ? (tenths / 10).toFixed(1) : tenths / 10}%`
}
