import type { Ref } from '@/lib/api'

export interface Consent {
  id: string
  decision: 'permit' | 'deny'
  purpose: string
  state: 'in_force' | 'coming' | 'expired' | 'withdrawn'
  source: Ref | null
  target: Ref | null
  from_ms: number
  until_ms: number | null
  given: string
  note: string | null
  by: Ref | null
  org: Ref | null
  t_ms: number
  withdrawn_ms: number | null
}
