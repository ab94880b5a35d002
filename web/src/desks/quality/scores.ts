// What the operations of scores, findings and corrections answer (docs/protocol/http.md, "Data quality"; docs/quality.md).
import { locale, type Bi } from '@/lib/i18n'
import { sw } from './words-scores'

export const DIMENSIONS = ['completeness', 'validity', 'consistency', 'timeliness'] as const
export type Dimension = (typeof DIMENSIONS)[number]
export interface Sum {
  checked: number
  good: number
  failed: number
  cleaned: number
  resolved: number
}
export type Sums = Record<Dimension, Sum>
export interface SourceScore {
  id: string
  name: string | null
  org: string | null
  last_ms: number
  tasks: number
  overdue: number
  dimensions: Sums
  days: { day: string; dimensions: Sums }[]
  rules: (Sum & { rule: string; dimension: Dimension })[]
}
export interface Scores {
  from: string
  to: string
  items: SourceScore[]
}
export interface Rule {
  id: string
  version: number
  from: string
  until: string
  in_effect: boolean
  dimension: Dimension
  title: Bi
  kinds: string[]
  task_days: number
}
export type FindingState = 'open' | 'cleaned' | 'corrected' | 'as_is' | 'source'
export interface Finding {
  id: string
  source_id: string
  source: string | null
  org: string | null
  rule: string
  version: number
  dimension: Dimension | null
  reason: string
  kind: string
  code: string
  /** Of the standard, else its sender's. */
  code_name: string | null
  day: string
  found_ms: number
  state: FindingState
  task: boolean
  due_ms: number
  overdue: boolean
  closed_ms: number
  closed_by: string | null
  raw: string
  raw_unit: string
  clean: string
  unit: string
  reply: { value: string; unit: string; note: string } | null
  /** "Observation/12": it came over FHIR; null = in a message. */
  resource: string | null
}
export type FixAction = 'edit' | 'correct' | 'confirm' | 'as_is'
export interface Fix extends Finding {
  /** id null: a Patient of the FHIR store, `resource`; his own system puts him right. */
  patient: { id: string | null; resource?: string; name: string; sex: string; age_text: string; age_text_en: string } | null
  item: { name: string; unit: string; low: number; high: number } | null
  /** What its sender called it. */
  title: string | null
  actions: FixAction[]
}
export const sumAll = (s: Sums): Sum => {
  const all = { checked: 0, good: 0, failed: 0, cleaned: 0, resolved: 0 }
  for (const d of DIMENSIONS) for (const k of Object.keys(all) as (keyof Sum)[]) all[k] += s[d][k]
  return all
}
const ID_WORDS = new Set(['wrong_check_digit', 'wrong_length', 'wrong_characters', 'wrong_date', 'wrong_area', 'placeholder'])
/** What is wrong, in words. */
export function reasonText(f: Finding): string {
  if (f.reason === 'missing') return sw.maybe(`re_missing_${f.rule.replace('.', '_')}`) ?? sw('re_missing')
  if (ID_WORDS.has(f.reason)) return sw.maybe(`re_identity_${f.reason}`) ?? f.reason
  const of = f.rule === 'patient.identity_birth' ? 'identity_birth_' : f.rule === 'patient.identity_sex' ? 'identity_sex_' : f.rule === 'patient.born' ? 'born_' : ''
  return sw.maybe(`re_${of}${f.reason}`) ?? f.reason
}
const said = (value: string): string => sw.maybe(`v_${value}`) ?? value
export const rawText = (f: Finding): string => (f.raw ? `${said(f.raw)}${f.raw_unit ? ` ${f.raw_unit}` : ''}` : sw('blank'))
export const cleanText = (f: Finding): string => (f.clean ? `${said(f.clean)}${f.unit ? ` ${f.unit}` : ''}` : '')
export const findingKind = (f: Finding): 'ok' | 'warn' | 'danger' | 'info' | 'plain' => (f.state === 'open' ? (!f.task ? 'plain' : f.overdue ? 'danger' : 'warn') : f.state === 'cleaned' ? 'info' : 'ok')
/** The number of a fix's age in the language of the page. */
export const ageOf = (f: Fix): string => (locale.value === 'zh' ? f.patient?.age_text : f.patient?.age_text_en) ?? ''
export const TIME_RULES = new Set(['time.future', 'time.birth', 'time.visit', 'time.leave', 'time.order'])
export const CODE_RULES = new Set(['sex.diagnosis', 'code.set'])
