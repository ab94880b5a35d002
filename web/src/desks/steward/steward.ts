// What the server sends about the patient index (docs/protocol/http.md), and the arithmetic of showing it.
import type { Ref } from '@/lib/api'
import type { Bi } from '@/lib/i18n'
import { iw } from './words'

export interface Line {
  id: string
  local_number: string
  name: string
  sex: string
  birth_date: string | null
  age_text: string
  age_text_en?: string
  id_type: string
  id_no_masked: string | null
  phone_masked: string | null
  temporary: boolean
  org: Ref
  version: number
}
export interface Registration extends Line {
  nationality: string | null
  insurance_type: string | null
  insurance_no_masked: string | null
  address: string | null
  guardian: { name: string; relation: string; phone: string } | null
  birth_estimated: boolean
  created_ms: number
  /** How it came to its person: new, auto, steward. */
  how: string
}
export interface Task {
  id: string
  state: 'open' | 'later' | 'linked' | 'apart'
  why: 'likely' | 'two_persons' | 'conflict' | 'reported'
  odds: number
  created_ms: number
  later_ms: number | null
  note: string | null
  reported_by: Ref | null
  a: Line | null
  b: Line | null
}
export interface Counts {
  open: number
  later: number
  mine_day: number
  why: Record<string, number>
  orgs: { org: Ref | null; count: number }[]
}
export interface Part {
  part: string
  label: Bi
  level: number | null
  text: Bi
  weight: number
  one_in: number | null
}
export interface Pair {
  a: Registration
  b: Registration
  /** probability, odds: of the two persons with all their records; records_probability: of these two records alone. */
  why: { probability: number; odds: number; records_probability: number; prior: number; rival: Bi; barred: Bi | null; parts: Part[] }
  together: boolean
  a_members: Line[]
  b_members: Line[]
  actions: ('merge' | 'split' | 'confirm')[]
  stamp: string
  task: Task | null
}
export interface Act {
  id: string
  kind: string
  task_id: string | null
  patient: Line | null
  other: Line | null
  by: Ref | null
  t_ms: number
  undone_ms: number
  undone_by: Ref | null
  note: string | null
}
export interface Person {
  id: string
  golden: Record<string, { value: string; patient_id: string; org: Ref; agree: number; of: number }>
  members: Registration[]
  history: Act[]
  history_truncated: boolean
  stamp: string
}

/** "same", "near", "differs" or "none": how a field is marked. */
export type Mark = 'same' | 'near' | 'differs' | 'none'
export function markOf(parts: Part[]): Mark {
  const said = parts.filter((p) => p.level !== null)
  if (!said.length) return 'none'
  if (said.every((p) => p.level === 0)) return 'same'
  return said.reduce((sum, p) => sum + p.weight, 0) > 0 ? 'near' : 'differs'
}
/** A weight in plain words: natural logarithms of odds mean nothing to a person. */
export function strengthText(weight: number): string {
  const size = Math.abs(weight)
  const word = size < 0.2 ? 'w_none' : weight > 0 ? (size < 1 ? 'w_for1' : size < 4 ? 'w_for2' : 'w_for3') : size < 1 ? 'w_against1' : size < 4 ? 'w_against2' : 'w_against3'
  return iw(word)
}
export function percent(p: number): string {
  if (p > 0.9999) return '> 99.99%'
  if (p < 0.0001) return '< 0.01%'
  return `${(p * 100).toFixed(p > 0.99 || p < 0.01 ? 2 : 1)}%`
}
export const odds2p = (odds: number): number => 1 / (1 + Math.exp(-odds))

/** Pieces of two texts, each marked when the other does not have it in its place (longest common subsequence, by character). */
export function differences(a: string, b: string): [{ text: string; odd: boolean }[], { text: string; odd: boolean }[]] {
  const x = Array.from(a)
  const y = Array.from(b)
  const n = x.map(() => new Array<number>(y.length + 1).fill(0))
  n.push(new Array<number>(y.length + 1).fill(0))
  const at = (i: number, j: number): number => n[i]?.[j] ?? 0
  for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) n[i]![j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const left: { text: string; odd: boolean }[] = []
  const right: { text: string; odd: boolean }[] = []
  const put = (to: typeof left, text: string, odd: boolean): void => {
    const last = to.at(-1)
    if (last && last.odd === odd) last.text += text
    else to.push({ text, odd })
  }
  let i = 0
  let j = 0
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      put(left, x[i++]!, false)
      put(right, y[j++]!, false)
    } else if (j >= y.length || (i < x.length && at(i + 1, j) >= at(i, j + 1))) put(left, x[i++]!, true)
    else put(right, y[j++]!, true)
  }
  return [left, right]
}

/** Keys of this desk do nothing while somebody types or a dialog is open. */
export function typing(e: KeyboardEvent): boolean {
  const el = e.target as HTMLElement | null
  return e.ctrlKey || e.metaKey || e.altKey || !!document.querySelector('dialog[open]') || (!!el && (/^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) || el.isContentEditable))
}
