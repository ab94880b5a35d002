// What the exchange's operations answer (docs/protocol/http.md, "Arriving data").
export interface Domain {
  id?: string
  namespace_id: string
  oid: string
}
export interface Counts {
  received: number
  stored: number
  refused: number
  dead: number
  repeated: number
}
/** How the last rounds of asking a hospital's database went. */
export interface Pull {
  mark: string
  state: '' | 'going' | 'ok' | 'failed'
  reason: string
  detail: string
  failures: number
  last_ms: number | null
  next_ms: number
}
/** How a system was told last that numbers of its patients changed. */
export interface Notified {
  state: '' | 'ok' | 'failed'
  reason: string
  detail: string
  waiting: number
  refused: number
  sent: number
  failures: number
  last_ms: number | null
  next_ms: number
}
export interface Source extends Counts {
  id: string
  name: string
  org: { id: string; name: string | null }
  application: string
  facility: string
  address: string
  certificate: string
  map: string
  kind: 'hl7' | 'folder' | 'database'
  folder: string
  dsn: string
  view: string
  mark_column: string
  every_s: number
  pull: Pull | null
  notify: string
  notified: Notified | null
  assume: 'none' | 'missing' | 'any'
  accept_dead: boolean
  may_ask: boolean
  enabled: boolean
  last_ms: number | null
  last_type: string | null
  lag_ms: number | null
  open: number
  domains: Domain[]
}
export interface Dead {
  id: string
  source: { id: string; name: string | null }
  control_id: string
  type: string
  received_ms: number
  reason: string
  location: string
  state: 'open' | 'done' | 'dropped'
  done_ms: number | null
  repeats: number
  file: string | null
  row: number
}
export interface DropFile {
  id: string
  source: { id: string; name: string | null }
  name: string
  size: number
  state: 'reading' | 'read' | 'done' | 'refused' | 'failed'
  reason: string
  column: string
  charset: string
  unused_columns: string
  rows: number
  stored: number
  dead: number
  repeated: number
  begun_ms: number
  done_ms: number | null
}
export interface DeadLetter extends Dead {
  text: string | null
  corrected: string | null
  note: string
  actions: ('replay' | 'drop')[]
}
export interface Day extends Counts {
  day: string
  source: { id: string | null; name: string | null }
  messages: number
  agrees: boolean
}
export const typeText = (type: string): string => type.split('^').slice(0, 2).join('^')
