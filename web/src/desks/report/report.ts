// What the operations of monthly reports and of alarms answer (docs/protocol/http.md), and the words made of it.
import type { Figure, Meaning, Part, Period, Span, Upstream } from '@/desks/cockpit/cockpit'
import { whole } from '@/desks/cockpit/cockpit'
import type { Ref } from '@/lib/api'
import { label, locale, type Bi } from '@/lib/i18n'
import { rw } from './words'

export type State = 'DRAFT' | 'CHECKED' | 'APPROVED' | 'FROZEN'
export interface Action {
  act: 'check' | 'approve' | 'return' | 'publish'
  label: Bi
  style: 'primary' | 'normal' | 'danger'
  reason: boolean
}
export interface Line {
  id: string
  org: Ref | null
  month: string
  version: number
  rev: number
  state: State
  state_label: Bi
  reason: string
  checked_by: Ref | null
  checked_ms: number | null
  approved_by: Ref | null
  approved_ms: number | null
  published_by: Ref | null
  frozen_ms: number | null
  made_ms: number
  sha256: string
  actions: Action[]
}
export interface Row extends Meaning {
  now: Figure
  before: Figure
  met: boolean | null
  parts: Part[]
  since_ms: number | null
  /** What counting it now says, where it is another number than the published one. */
  today?: Figure
}
export interface Signed {
  by: Ref | null
  t_ms: number
}
export interface Sheet {
  month: string
  org: Ref | null
  whole: boolean
  version: number
  reason: string
  span: Span
  before: Span
  counted_ms: number
  sections: { title: Bi; rows: Row[] }[]
  upstream: Upstream
  note?: string
  approval?: string
  signed?: { checked: Signed; approved: Signed; published: Signed }
}
export interface Month extends Line {
  sheet: Sheet | null
  intact: boolean
  different: number
  filling: boolean
  history: { t_ms: number; event: string; reason: string; person: string | null }[]
  history_truncated: boolean
  versions: { id: string; version: number; state: State; frozen_ms: number }[]
}

export const stateKind = (s: State): 'ok' | 'warn' | 'info' | 'plain' => (s === 'FROZEN' ? 'ok' : s === 'DRAFT' ? 'plain' : s === 'CHECKED' ? 'warn' : 'info')
/** "2026-11" as people say it. */
export function monthText(month: string): string {
  const [y, m] = month.split('-').map(Number)
  return locale.value === 'zh' ? `${y} 年 ${m} 月` : new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric' }).format(new Date(y!, m! - 1, 15))
}
/** Months that are over, the last one first. */
export function pastMonths(now_ms: number, n: number): string[] {
  const d = new Date(now_ms)
  return Array.from({ length: n }, (_, i) => {
    const at = new Date(d.getFullYear(), d.getMonth() - 1 - i, 15)
    return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}`
  })
}

// ---- alarms ----
export interface Alarm {
  id: string
  number: string
  state: 'open' | 'taken' | 'acknowledged' | 'closed'
  org: Ref | null
  indicator: Meaning
  period: Period
  side: 'above' | 'below'
  limit: number
  role: { id: string; label: Bi | null }
  urgent: boolean
  opened_ms: number
  opened: number
  last: number
  last_ms: number
  actions: ('take' | 'acknowledge')[]
  owner: Ref | null
  taken_ms: number | null
  acknowledged_by: Ref | null
  acknowledged_ms: number | null
  note: string | null
  closed_ms: number | null
  closed_why: 'well' | 'nothing' | 'rule' | ''
  again: number
}
export interface Rule {
  id: string
  org: Ref | null
  each: boolean
  indicator: Meaning
  period: Period
  side: 'above' | 'below'
  limit: number
  least: number
  for_minutes: number
  role: { id: string; label: Bi | null }
  urgent: boolean
  enabled: boolean
  version: number
  open: number
}
export interface Choices {
  indicators: Meaning[]
  roles: { id: string; label: Bi }[]
  orgs: Ref[]
}
export const nameOf = (m: Meaning): string => label(m.title) || m.id
/** "按时答复率 低于 90%" */
export const conditionText = (a: { indicator: Meaning; side: 'above' | 'below'; limit: number }): string => rw(a.side, { name: nameOf(a.indicator), limit: whole(a.indicator.unit ?? 'cases', a.limit) })
