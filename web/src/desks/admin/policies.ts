// Policies as the server tells them: whole numbers with a range, and durations such as "4wh" (working hours) or "-15min".
import { label, type Bi } from '@/lib/i18n'
import { yw } from './words-policies'

export interface Policy {
  id: string
  type: 'int' | 'bool' | 'time_of_day' | 'duration'
  value: number | string
  default: number | string
  min?: number
  max?: number
  unit: string
  label: Bi
}
export const UNITS = ['min', 'h', 'd', 'wh', 'wd'] as const
export type Unit = (typeof UNITS)[number]
export const URGENCIES = ['routine', 'urgent', 'emergency'] as const

export function parseDuration(text: string): { n: number; unit: Unit } | null {
  const m = /^(-?\d+)(min|h|d|wh|wd)$/.exec(text)
  return m ? { n: Number(m[1]), unit: m[2] as Unit } : null
}
const two = (n: number): string => String(n).padStart(2, '0')
export const clockOf = (minutes: number): string => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
export const unitText = (unit: string): string => yw.maybe(`u_${unit}`) ?? unit
export function valueText(p: Policy, value: number | string = p.value): string {
  if (p.type === 'bool') return yw(Number(value) ? 'yes' : 'no')
  if (p.type === 'time_of_day') return clockOf(Number(value))
  if (p.type === 'int') return yw('duration', { n: value, unit: unitText(p.unit) }).trim()
  const d = parseDuration(String(value))
  if (!d) return String(value)
  const text = yw('duration', { n: Math.abs(d.n), unit: unitText(d.unit) })
  return d.n < 0 ? yw('before', { text }) : text
}
export function rangeText(p: Policy): string {
  if (p.type === 'bool') return yw('on_off')
  if (p.type === 'time_of_day') return yw('time_range')
  return p.type === 'int' ? yw('from_to', { min: p.min ?? '', max: p.max ?? '', unit: unitText(p.unit) }).trim() : yw('duration_range')
}
export const changed = (p: Policy): boolean => String(p.value) !== String(p.default)
/** "deadline.triage.urgent" -> triage, urgent */
export function deadlineOf(p: Policy): { clock: string; urgency: string } | null {
  const m = /^deadline\.(.+)\.(\w+)$/.exec(p.id)
  return m ? { clock: m[1]!, urgency: m[2]! } : null
}
/** The label of a deadline without the urgency in brackets: it stands in the column's head. */
export const clockLabel = (p: Policy): string => label(p.label).replace(/\s*[(\uff08][^()\uff08\uff09]*[)\uff09]$/, '')
