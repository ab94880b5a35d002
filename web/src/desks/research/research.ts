// What the operations of research data answer (docs/protocol/http.md, "Data for research").
import { Fault, type Ref } from '@/lib/api'
import { grouped, label, listed, type Bi } from '@/lib/i18n'
import { orgs } from '@/lib/orgs'
import { rw } from './words'

export type State = 'DRAFT' | 'SUBMITTED' | 'RETURNED' | 'APPROVED' | 'READY' | 'FAILED' | 'REFUSED' | 'WITHDRAWN' | 'REVOKED' | 'EXPIRED'
export interface Line {
  id: string
  number: string
  title: string
  state: State
  state_label: Bi
  applicant: Ref | null
  org: Ref | null
  until_ms: number | null
  created_ms: number
  submitted_ms: number | null
  version: number
}
export interface Cohort {
  codes?: string[]
  from?: string
  to?: string
  org_ids?: string[]
  sex?: 'any' | 'male' | 'female'
  age_min?: number
  age_max?: number
  before_days?: number
  after_days?: number
}
export interface Action {
  act: string
  label: Bi
  style: 'primary' | 'normal' | 'danger'
  reason: boolean
}
export interface Report {
  k: number
  smallest: number
  classes: number
  diversity: number
  /** Least different diagnoses of a group; absent in reports of before. */
  l?: number
  condition_hidden?: boolean
  persons: number
  dropped: number
  refused: number
  text_left_out: number
  columns: { field: string; rung: number; rungs: number; left_out: boolean }[]
  tables: { field: string; rows: number; coarser: number; left_out: number; capped: number }[]
}
export interface Project extends Line {
  purpose: string
  ethics_no: string
  ethics_date: string
  cohort: Cohort
  fields: string[]
  actions: Action[]
  history: { t_ms: number; event: string; reason: string; person: string | null }[]
  history_truncated: boolean
  progress: { running: boolean; done: number; total: number } | null
  report: Report | null
  decided_by: Ref | null
  decided_ms: number | null
  done_ms: number | null
  bytes: number
  sha256: string
  error: string
}
export interface Field {
  name: string
  label: Bi
  form: Bi
  role: 'quasi' | 'sensitive' | 'events'
  sensitivity: number
}
export interface Catalogue {
  fields: Field[]
  k: number
  suppress_percent: number
  max_days: number
  needs_consent: number
}
export interface Count {
  total: number | null
  refused: number | null
  step: number
  by_sex: { what: string; n: number | null }[]
  by_age: { what: string; n: number | null }[]
  by_org: { what: string; n: number | null }[]
}

export const stateKind = (s: State): 'ok' | 'warn' | 'info' | 'danger' | 'plain' =>
  s === 'READY' ? 'ok' : s === 'SUBMITTED' || s === 'RETURNED' ? 'warn' : s === 'APPROVED' ? 'info' : s === 'FAILED' || s === 'REFUSED' || s === 'REVOKED' ? 'danger' : 'plain'

/** Numbers come in steps of k; below k there is none. */
export const countText = (n: number | null, step: number): string => (n === null ? rw('fewer', { n: step }) : rw('at_least', { n: grouped(n) }))

export const fieldsOf = (catalogue: Catalogue, role: Field['role'], names?: string[]): Field[] => catalogue.fields.filter((f) => f.role === role && (!names || names.includes(f.name)))

/** The sentence at a field, from the first fault at one of the paths or below it. */
export function at(fault: Fault | null, ...paths: string[]): string | null {
  const hit = fault?.fields.find((f) => paths.some((p) => f.path === p || f.path.startsWith(`${p}[`)))
  return hit ? (rw.maybe(`r_${hit.reason.replace(/:.*/, '')}`) ?? fault!.field(hit.path)) : null
}

export function cohortLines(c: Cohort): { what: string; text: string }[] {
  const names = (c.org_ids ?? []).map((id) => orgs.value.find((o) => o.id === id)?.name ?? id)
  const age = c.age_min !== undefined || c.age_max !== undefined ? rw('ages', { from: c.age_min ?? 0, to: c.age_max ?? 150 }) : rw('any')
  return [
    { what: rw('codes'), text: listed(c.codes ?? []) || '–' },
    { what: rw('period'), text: c.from || c.to ? `${c.from ?? '…'} – ${c.to ?? '…'}` : '–' },
    { what: rw('orgs'), text: listed(names) || rw('all_orgs') },
    { what: rw('sex'), text: rw(c.sex === 'male' ? 'male' : c.sex === 'female' ? 'female' : 'any') },
    { what: rw('age'), text: age },
    { what: rw('window'), text: rw('window_text', { before: c.before_days ?? 365, after: c.after_days ?? 365 }) },
  ]
}
export const fieldName = (catalogue: Catalogue | null, name: string): string => label(catalogue?.fields.find((f) => f.name === name)?.label ?? name)
