// What the outgoing operations answer (docs/protocol/http.md, "Our own objects go out").
export const OUT_KINDS = ['patient', 'consultation', 'report', 'appointment'] as const
export type OutKind = (typeof OUT_KINDS)[number]
export const CHARSETS = ['utf-8', 'gb18030'] as const
export type Charset = (typeof CHARSETS)[number]
export interface Named {
  id: string
  name: string | null
}
export interface Subscriber {
  id: string
  form: 'feed' | 'hl7' | 'subscription'
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
  application: string
  facility: string
  charset: Charset | ''
}
export interface Refused {
  seq: number
  type: string
  name: string
  t_ms: number
  done_ms: number
  error: string
}

/** What an MLLP address is made of; a new one for an address that is none. */
export interface Host {
  host: string
  port: number | null
  tls: boolean
}
export function hostOf(address: string): Host {
  const m = /^(mllps?):\/\/(.+):(\d+)$/.exec(address)
  return { host: m?.[2] ?? '', port: m ? Number(m[3]) : 2575, tls: m?.[1] === 'mllps' }
}
export function addressOf(h: Host): string {
  const host = h.host.trim()
  return `${h.tls ? 'mllps' : 'mllp'}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${h.port ?? ''}`
}
