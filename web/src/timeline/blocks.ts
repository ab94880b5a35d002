// How a doctor reads what systems sent one by one: a report with its values, a visit with its diagnoses, under the day it was.
import { dayStart } from '@/lib/time'
import type { Entry } from './types'

export interface Block {
  key: string
  t_ms: number
  /** The report or visit; of values that came without one, null. */
  head: Entry | null
  parts: Entry[]
}
export interface Day {
  day_ms: number
  blocks: Block[]
}

/** The report or visit it belongs to, when the page has it; a picture of a study of a report stands in the report. */
function headOf(e: Entry, named: Map<string, Entry>): Entry | undefined {
  let head: Entry | undefined
  for (let at: Entry | undefined = e, up = 0; at?.head_id && up < 4; up++) {
    at = named.get(at.head_id)
    head = at ?? head
  }
  return head
}

/** Newest first, as the entries are; the parts of a block in the order their message had. */
export function blocksOf(items: Entry[]): Block[] {
  const named = new Map(items.map((e) => [e.id, e]))
  const blocks = new Map<string, Block>()
  const into = (key: string, t_ms: number, head: Entry | null): Block => {
    const made = blocks.get(key) ?? { key, t_ms, head, parts: [] }
    blocks.set(key, made)
    return made
  }
  for (const e of items) {
    const head = headOf(e, named)
    if (head) into(head.id, head.t_ms, head).parts.push(e)
    else if (e.kind === 'observation' && e.message_id) into(`of ${e.message_id}`, e.t_ms, null).parts.push(e)
    else into(e.id, e.t_ms, e)
  }
  const list = [...blocks.values()]
  for (const b of list) b.parts.sort((x, y) => (x.id < y.id ? -1 : 1))
  return list.sort((x, y) => y.t_ms - x.t_ms)
}

export function daysOf(blocks: Block[]): Day[] {
  const days: Day[] = []
  for (const b of blocks) {
    const day_ms = dayStart(b.t_ms)
    if (days.at(-1)?.day_ms !== day_ms) days.push({ day_ms, blocks: [] })
    days.at(-1)?.blocks.push(b)
  }
  return days
}

/** Abnormal by its flag: high, low, their critical forms, or otherwise not normal. */
export type Level = 'critical_high' | 'high' | 'low' | 'critical_low' | 'abnormal'
const LEVELS: Record<string, Level> = { H: 'high', HU: 'high', '>': 'high', HH: 'critical_high', L: 'low', LU: 'low', '<': 'low', LL: 'critical_low' }
export function levelOf(e: Entry): Level | null {
  if (e.kind !== 'observation' || !e.flag || e.flag === 'N') return null
  return LEVELS[e.flag] ?? 'abnormal'
}
export const MARK: Record<Level, string> = { critical_high: '↑↑', high: '↑', low: '↓', critical_low: '↓↓', abnormal: '!' }

/** A finding in words rather than a figure: it needs the width of the page. */
export const isText = (e: Entry): boolean => !!e.value && !e.unit && (e.value.length > 20 || e.value.includes('\n'))

/** A number, as a line over time needs it. */
export const numberOf = (e: Entry): number | null => (e.value && /^[<>]?\s*-?\d+(\.\d+)?$/.test(e.value.trim()) ? Number(e.value.replace(/[<>\s]/g, '')) : null)

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹'
/** UCUM and what laboratories write for it: 10*9/L, 10^9/L. */
export const unitText = (unit: string | null | undefined): string => (unit ?? '').replace(/10[*^](\d+)/g, (_, n: string) => '10' + [...n].map((d) => RAISED[Number(d)]).join(''))
