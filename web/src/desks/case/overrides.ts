import type { Ref } from '@/lib/api'

/** One emergency access, as the offices of a case see it (docs/protocol/http.md). */
export interface Override {
  id: string
  person: Ref
  t_ms: number
  until_ms: number
  reason: string
  reviewed_ms: number | null
  reviewed_by: Ref | null
  verdict: 'justified' | 'not_justified' | null
  comment: string | null
}
