// Forms as the server describes them (GET /forms/ID): types, reading and writing at dotted places, values as text.
import { api, fieldReason } from '@/lib/api'
import { label, listed, locale, type Bi } from '@/lib/i18n'
import { dateTimeText } from '@/lib/time'
import { DX, fw } from './words'

export interface FormField {
  path: string
  label: Bi
  type: string
  unit?: string
  choices?: { value: string; label: Bi }[]
  required?: boolean
  weight?: number
  max?: number
  min?: number
  of?: FormField[]
  help?: Bi
  /** A follow-up: asked when the fields at these paths (`patient.sex` among them) have one of these values. */
  follows?: Record<string, string[]>
}
export interface FormSection {
  id: string
  title: Bi
  fields: FormField[]
}
export interface FormDef {
  id: string
  version: number
  sections: FormSection[]
}
export type Body = Record<string, unknown>
/** The normal form of a doctor's words (docs/protocol/http.md, POST /terms/diagnosis). */
export interface Normal {
  diagnosis: string
  location_type: string
  pathology: string
  lesion: string
  metastasis: string[]
  stage: string
  modifiers: string[]
}
export interface Diagnosis {
  code: string
  /** the doctor's words, or the name picked from the list */
  text: string
  main: boolean
  certainty: 'certain' | 'suspected'
  versus?: 'agreed' | 'changed' | 'new'
  /** the normal form as confirmed, its parts divided by " | " */
  normal?: string
  /** the whole line as the doctor wrote it, where it held several diagnoses */
  words?: string
}
export const normalOf = (n: Normal): string =>
  [n.diagnosis, n.location_type, n.pathology, n.lesion, n.metastasis.length ? DX.spread + n.metastasis.join(DX.and) : '', n.stage, n.modifiers.join(DX.and)].filter(Boolean).join(' | ')
export interface Consent {
  agreed: boolean | null
  signer?: string
  relation?: string
  time_ms?: number | null
  document_id?: string
  verbal?: boolean
}

export function loadForm(id: string, query: Record<string, string | null | undefined> = {}): Promise<FormDef> {
  return api.get<FormDef>(`/forms/${id}`, query)
}
/** What is wrong with an entry: of a number, within what it should be. */
export function faultText(reason: string, field: FormField | undefined): string {
  const [low, high] = [field?.min, field?.max]
  if (field?.type !== 'number' || !/^(too_large|too_small|out_of_range)/.test(reason) || low === undefined || high === undefined) return fieldReason(reason)
  return fw('within', { low, high, unit: field.unit ? ` ${unitText(field.unit)}` : '' })
}
export function dig(body: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (at && typeof at === 'object' ? (at as Body)[name] : undefined), body)
}
/** Writes at a dotted place; an empty value takes the member away, so that the server sees "not filled". */
export function put(body: Body, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() as string
  let at = body
  for (const name of names) {
    if (!at[name] || typeof at[name] !== 'object') at[name] = {}
    at = at[name] as Body
  }
  if (value === null || value === undefined || value === '') delete at[last]
  else at[last] = value
}

/** A copy without rows nobody filled in and without empty texts: what is sent. */
export function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy).filter((row) => row !== undefined && !(typeof row === 'object' && row !== null && !Object.keys(row).length))
  if (!value || typeof value !== 'object') return value === null || value === '' ? undefined : value
  const out: Body = {}
  for (const [name, member] of Object.entries(value)) {
    const clean = tidy(member)
    if (clean !== undefined) out[name] = clean
  }
  return out
}

const choiceText = (f: FormField, v: unknown): string => label(f.choices?.find((c) => c.value === v)?.label) || String(v)
const consentText = (c: Consent): string =>
  [[c.agreed ? fw('agreed') : fw('refused'), c.agreed && c.verbal && !c.document_id ? fw('spoken') : ''].filter(Boolean).join(' '), [c.signer, c.relation && fw('bracket', { text: c.relation })].filter(Boolean).join(' '), dateTimeText(c.time_ms)].filter(Boolean).join(' · ')
const diagnosisText = (d: Diagnosis): string =>
  [d.main ? fw('main_mark') : '', d.text, d.code, d.certainty === 'suspected' ? fw('suspected') : '', d.versus ? fw('bracket', { text: fw(`v_${d.versus}`) }) : '', d.words ? fw('bracket', { text: `${fw('original')}: ${d.words}` }) : ''].filter(Boolean).join(' ')
/** A numbered row begins with its number; a part's own full stop does not stand before the next part; what was measured, its value and its unit read as one. */
function rowText(f: FormField, row: unknown): string {
  if (!f.of || !row || typeof row !== 'object') return String(row)
  const n = dig(row, 'n')
  const parts = f.of.filter((g) => g.path !== 'n').map((g) => ({ path: g.path, text: valueText(g, dig(row, g.path)) })).filter((p) => p.text)
  const text = parts.map((p, i) => `${i ? (p.path === 'value' || p.path === 'unit' ? ' ' : ' · ') : ''}${i < parts.length - 1 ? p.text.replace(/[.\u3002]$/, '') : p.text}`).join('')
  return n === undefined ? text : `${String(n)}. ${text}`
}

/** A field's value as one text for people; '' when there is none. */
export function valueText(f: FormField, v: unknown): string {
  if (v === null || v === undefined || v === '' || (Array.isArray(v) && !v.length)) return ''
  if (f.type === 'bool') return v ? fw('yes') : fw('no')
  if (f.type === 'choice') return choiceText(f, v)
  if (f.type === 'multi' && Array.isArray(v)) return listed(v.map((x) => choiceText(f, x)))
  if (f.type === 'time') return dateTimeText(Number(v))
  if (f.type === 'consent') return consentText(v as Consent)
  if (f.type === 'diagnoses') return (v as Diagnosis[]).map(diagnosisText).join('\n')
  if (f.type === 'questions') return (v as { n: number; text: string }[]).map((q) => `${q.n}. ${q.text}`).join('\n')
  if (f.type === 'windows') return (v as { start_ms: number; end_ms: number }[]).map((x) => `${dateTimeText(x.start_ms)} - ${dateTimeText(x.end_ms)}`).join('\n')
  if (Array.isArray(v)) return v.map((row) => rowText(f, row)).join('\n')
  return f.unit ? `${String(v)} ${unitText(f.unit)}` : String(v)
}
/** "周 weeks" names the unit in both languages, "mmHg" is the same in both. */
export function unitText(unit: string | undefined): string | undefined {
  const at = unit?.indexOf(' ') ?? -1
  return !unit || at < 0 ? unit : locale.value === 'zh' ? unit.slice(0, at) : unit.slice(at + 1)
}
/** Anchor of a field on the page. */
export const fieldAnchor = (path: string): string => `f-${path.replace(/[^\w]+/g, '-')}`
