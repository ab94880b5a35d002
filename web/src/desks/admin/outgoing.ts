// What the outgoing operations answer (docs/protocol/http.md, "Our own objects go out").
export const OUT_KINDS = ['patient', 'consultation', 'report', 'appointment'] as const
export type OutKind = (typeof OUT_KINDS)[number]
export interface Named {
  id: string
  name: string | null
}
export interface Subscriber {
  id: string
  form: 'feed' | 'subscription'
  name: string
  client: Named | null
  org: Named | null
  kinds: OutKind[]
  type: string
  url: string
  has_secret: boolean
  batch: number
  state: 'active' | 'paused' | 'error' | 'off'
  last_seq: number
  acked_seq: number
  waiting: number
  more: boolean
  exporting: boolean
  dead: number
  lag_ms: number | null
  error: string
  next_ms: number | null
  last_ok_ms: number | null
  tries: number
  until_ms: number | null
}
export interface Refused {
  seq: number
  type: string
  name: string
  t_ms: number
  done_ms: number
  error: string
}
