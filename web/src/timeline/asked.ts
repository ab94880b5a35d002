// What a reader asks the timeline for, and how the server is asked for it.
export interface Asked {
  q: string | null
  kind: string
  org: string
  /** "" all, a year, or "dates": from and until count. */
  year: string
  from: string | null
  until: string | null
  abnormal: boolean
}
export const nothing = (): Asked => ({ q: '', kind: '', org: '', year: '', from: null, until: null, abnormal: false })
export const asksAnything = (a: Asked): boolean => !!(a.q?.trim() || a.kind || a.org || a.abnormal || (a.year && (a.year !== 'dates' || a.from || a.until)))

const at = (day: string, days = 0): number => {
  const [y, m, d] = day.split('-').map(Number)
  return new Date(y ?? 0, (m ?? 1) - 1, (d ?? 1) + days).getTime()
}
export function params(a: Asked): Record<string, string | number | boolean | null> {
  const dates = a.year === 'dates'
  return {
    q: a.q?.trim() || null,
    kind: a.kind || null,
    org_id: a.org || null,
    abnormal: a.abnormal || null,
    from_ms: dates ? (a.from ? at(a.from) : null) : a.year ? at(`${a.year}-01-01`) : null,
    until_ms: dates ? (a.until ? at(a.until, 1) : null) : a.year ? at(`${Number(a.year) + 1}-01-01`) : null,
  }
}
