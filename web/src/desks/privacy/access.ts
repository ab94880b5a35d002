import type { Ref } from '@/lib/api'

/** One person, one day, one kind of act, one ground. */
export interface Access {
  person: Ref
  org: Ref
  roles: string[]
  kind: string
  why: string
  number: string | null
  first_ms: number
  last_ms: number
  count: number
}
export interface AccessReport {
  patient: { id: string; name: string; sex: string; age_text: string; age_text_en?: string; id_no_masked: string | null; local_number: string; org: Ref }
  items: Access[]
  t_ms: number
  /** before_ms of the page before; null = this is the oldest. */
  next: number | null
}
