// Times are milliseconds UTC on the wire and Beijing time (or the browser's zone) on screen.
import { ref } from 'vue'
import { locale } from './i18n'
import { clockSkewMs } from './session'
import { t } from './time-words'

/** Ticks every second for countdowns; by the server's clock. */
export const now = ref(Date.now())
if (typeof window !== 'undefined') setInterval(() => (now.value = Date.now() + clockSkewMs.value), 1000)
export function serverNow(): number {
  return Date.now() + clockSkewMs.value
}

const two = (n: number): string => String(n).padStart(2, '0')

export function dateText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return ''
  const d = new Date(ms)
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
}
export function clockText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return ''
  const d = new Date(ms)
  return `${two(d.getHours())}:${two(d.getMinutes())}`
}
export function dateTimeText(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '' : `${dateText(ms)} ${clockText(ms)}`
}
/** today 14:30 / tomorrow 09:00 / 11-26 14:30, 26 Nov 14:30 / 2025-01-02 14:30 */
export function nearText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return ''
  const d = new Date(ms)
  const today = new Date(now.value)
  const days = Math.round((dayStart(ms) - dayStart(now.value)) / 86_400_000)
  if (days === 0) return t('today', { time: clockText(ms) })
  if (days === 1) return t('tomorrow', { time: clockText(ms) })
  if (days === -1) return t('yesterday', { time: clockText(ms) })
  return d.getFullYear() === today.getFullYear() ? `${dayText(ms)} ${clockText(ms)}` : dateTimeText(ms)
}
/** A day of this year as the language writes it: 11-26, 26 Nov. */
export function dayText(ms: number): string {
  const d = new Date(ms)
  return locale.value === 'zh' ? `${two(d.getMonth() + 1)}-${two(d.getDate())}` : new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }).format(ms)
}
export function dayStart(ms: number): number {
  const d = new Date(ms)
  return new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
}
export function addDays(ms: number, days: number): number {
  const d = new Date(ms)
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + days, d.getHours(), d.getMinutes()).getTime()
}
/** Monday of the week. */
export function weekStart(ms: number): number {
  const d = new Date(ms)
  return addDays(dayStart(ms), -((d.getDay() + 6) % 7))
}
export function weekday(ms: number): string {
  return new Intl.DateTimeFormat(locale.value === 'zh' ? 'zh-CN' : 'en-GB', { weekday: 'short' }).format(ms)
}
/** A day with its weekday, short (周二 12-01, Tue 1 Dec) and whole (2026-12-01 周二, Tue 1 Dec 2026). */
export const dayName = (ms: number): string => `${weekday(ms)} ${dayText(ms)}`
export const wholeDay = (ms: number): string => (locale.value === 'zh' ? `${dateText(ms)} ${weekday(ms)}` : `${dayName(ms)} ${new Date(ms).getFullYear()}`)
/** "2 h 05 min", "45 s" */
export function spanText(ms: number): string {
  const s = Math.max(0, Math.round(Math.abs(ms) / 1000))
  if (s < 60) return t('seconds', { s })
  const m = Math.floor(s / 60)
  if (m < 60) return t('minutes', { m })
  const h = Math.floor(m / 60)
  if (h < 48) return m % 60 ? t('hours_minutes', { h, m: m % 60 }) : t('hours', { h })
  return t('days', { d: Math.floor(h / 24) })
}
/** "2 h left" or "overdue by 10 min", counted live. */
export function dueText(due_ms: number | null | undefined): string {
  if (!due_ms) return ''
  const left = due_ms - now.value
  return left >= 0 ? t('left', { span: spanText(left) }) : t('over', { span: spanText(left) })
}
/** 03:25 or 1:02:09 for players and calls. */
export function playTime(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const h = Math.floor(s / 3600)
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  return h ? `${h}:${rest}` : rest
}
export function bytesText(n: number): string {
  if (n < 1024) return `${n} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let i = -1
  do {
    n /= 1024
    i++
  } while (n >= 1024 && i < units.length - 1)
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`
}
