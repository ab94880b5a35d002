// Shifts of a week laid into days, and times of day.
import { addDays, clockText, dateText } from '@/lib/time'
import { rw } from './words-roster'

export type Kind = 'duty' | 'second' | 'leave'
export const KINDS: readonly Kind[] = ['duty', 'second', 'leave']
export interface Shift {
  id: string
  org_id: string
  dept_id: string | null
  person_id: string
  person_name: string
  start_ms: number
  end_ms: number
  kind: Kind
}
export const onDay = (s: Shift, day: number): boolean => s.start_ms < addDays(day, 1) && s.end_ms > day
/** The part of a shift on one day: "08:00–17:30", or that it comes from the day before or goes on to the next. */
export function partText(s: Shift, day: number): string {
  const next = addDays(day, 1)
  const to = s.end_ms === next ? '24:00' : clockText(s.end_ms)
  if (s.start_ms <= day && s.end_ms >= next) return rw('part_all')
  if (s.start_ms < day) return rw('part_to', { to })
  return s.end_ms > next ? rw('part_from', { from: clockText(s.start_ms) }) : `${clockText(s.start_ms)}–${to}`
}
/** "8:00" -> "08:00"; null when it is no time of day. 24:00 is the end of a day. */
export function cleanTime(text: string | null): string | null {
  const m = /^(\d{1,2})[:：]?(\d{2})$/.exec((text ?? '').trim())
  if (!m) return null
  const [h, min] = [Number(m[1]), Number(m[2])]
  return h * 60 + min <= 1440 && min < 60 ? `${String(h).padStart(2, '0')}:${String(min).padStart(2, '0')}` : null
}
export function atTime(day: number, time: string): number {
  return new Date(`${dateText(day)}T00:00:00`).getTime() + (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * 60_000
}
