// What the operations of reports answer (docs/protocol/http.md, "Reports"; docs/cockpit.md), and numbers as people read them.
import type { CaseLine } from '@/lib/cases'
import { label, listed, locale, type Bi } from '@/lib/i18n'
import { opText } from '@/desks/admin/words-ops'
import { cw } from './words'

export interface Figure {
  value: number | null
  numerator: number
  denominator: number
}
export interface Part extends Figure {
  word: string
  label: Bi | null
}
export interface Point extends Figure {
  from_ms: number
  to_ms: number
}
export type Unit = 'cases' | 'times' | 'percent' | 'minutes' | 'points'
export interface Meaning {
  id: string
  measure: string
  unit: Unit
  better: 'up' | 'down' | 'none'
  target: number | null
  title: Bi
  definition: Bi
  numerator_text: Bi
  denominator_text: Bi | null
  events: string[]
}
/** What the numbers come from and that stands still. */
export interface Upstream {
  facts_ms: number | null
  sources: { id: string; name: string; since_ms: number; why: 'failed' | 'late' | 'silent' }[]
}
export interface Indicator extends Meaning {
  now: Figure
  before: Figure
  met: boolean | null
  /** Its data reach to here; null: they are up to date. */
  since_ms: number | null
  parts: Part[]
  trend: Point[]
}
export interface Span {
  from_ms: number
  to_ms: number
}
export interface Cockpit {
  page: string
  title: Bi
  pages: { id: string; title: Bi }[]
  period: Period
  span: Span
  before: Span
  org_id: string
  orgs: { id: string; name: string }[]
  whole: boolean
  as_of_ms: number
  filling: boolean
  upstream: Upstream
  indicators: Indicator[]
}
export interface Row {
  t_ms: number
  counted: boolean
  good: number
  total: number
  value: number
  word: string
  label: Bi | null
  home: string | null
  target: string | null
  about: string | null
  case: { id: string | null; number: string; urgency: 'emergency' | 'urgent' | 'routine'; state_label: Bi; patient: CaseLine['patient'] | null } | null
}
export interface Behind {
  indicator: Meaning
  figure: Figure
  span: Span
  items: Row[]
  next: number | null
}
export const PERIODS = ['yesterday', '7d', '30d', 'month', 'last_month'] as const
export type Period = (typeof PERIODS)[number]

const grouped = (n: number, digits = 0): string => n.toLocaleString(locale.value === 'zh' ? 'zh-CN' : 'en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Things or acts, one by one. */
export const counted = (unit: Unit): unit is 'cases' | 'times' => unit === 'cases' || unit === 'times'
/** Number and unit apart, so that the number can be large. */
export function valueText(unit: Unit, value: number | null): { text: string; unit: string } {
  if (value === null) return { text: '–', unit: '' }
  if (unit === 'percent') return { text: grouped(value, value === 100 || value === 0 ? 0 : 1), unit: '%' }
  if (unit === 'points') return { text: grouped(value, 2), unit: cw('u_points') }
  if (counted(unit)) return { text: grouped(value), unit: cw(`u_${unit}`, { n: value }) }
  if (value >= 2880) return { text: grouped(value / 1440, 1), unit: cw('u_days') }
  if (value >= 120) return { text: grouped(value / 60, 1), unit: cw('u_hours') }
  return { text: grouped(value, value < 10 ? 1 : 0), unit: cw('u_minutes') }
}
export function whole(unit: Unit, value: number | null): string {
  const v = valueText(unit, value)
  return v.unit === '%' || !v.unit ? v.text + v.unit : `${v.text} ${v.unit}`
}
export interface Change {
  arrow: 'up' | 'down' | 'same' | 'none'
  /** better, worse, or neither. */
  kind: 'better' | 'worse' | 'plain'
  text: string
}
/** Against the span before, in words. */
export function changeOf(i: Indicator): Change {
  if (i.now.value === null || i.before.value === null) return { arrow: 'none', kind: 'plain', text: cw('no_before') }
  // A number of things is known when there were none, but from none to some is neither better nor worse.
  if (counted(i.unit) && !i.before.value && i.now.value) return { arrow: 'none', kind: 'plain', text: cw('before_was', { n: whole(i.unit, 0) }) }
  const by = i.now.value - i.before.value
  const size = i.unit === 'percent' ? cw('points_of_percent', { n: grouped(Math.abs(by), 1) }) : whole(i.unit, Math.abs(by))
  if (Math.abs(by) < (i.unit === 'percent' ? 0.05 : i.unit === 'points' ? 0.005 : 0.5)) return { arrow: 'same', kind: 'plain', text: cw('same') }
  const up = by > 0
  const kind = i.better === 'none' ? 'plain' : up === (i.better === 'up') ? 'better' : 'worse'
  return { arrow: up ? 'up' : 'down', kind, text: cw(up ? 'more' : 'less', { n: size }) }
}
export function targetText(i: Meaning): string {
  return i.target === null ? '' : cw(i.better === 'down' ? 'target_most' : 'target_least', { n: whole(i.unit, i.target) })
}
/** What happened, as people say it; an event the file names and we do not know keeps its word. */
export const eventsText = (i: Meaning): string => listed(i.events.map((e) => cw.maybe(`e_${e.replace(/ /g, '_')}`) ?? e))
/** A request that was neither passed on nor declined has another word than a patient who was not transferred. */
export const wordText = (p: { word: string; label: Bi | null }, measure: string): string => (measure === 'redirected' && p.word === 'kept' ? cw('stayed') : label(p.label)) || (measure === 'denied' ? opText(p.word) : p.word)
/** What there was to count, as "19 / 20"; of middles and means only how many. */
export function ofText(i: Meaning, f: Figure): string {
  if (counted(i.unit)) return ''
  if (i.unit === 'percent') return cw('of', { good: grouped(f.numerator), all: grouped(f.denominator) })
  return cw('n', { n: grouped(f.denominator) })
}
export const SECONDS = new Set(['grade'])
