import type { Ref } from '@/lib/api'
import type { Bi } from '@/lib/i18n'

export type Basis = 'own' | 'case' | 'consent' | 'emergency' | 'none'
export interface Entry {
  id: string
  t_ms: number
  kind: string
  title: string | null
  summary?: string
  by?: string
  category?: string | null
  state_label?: Bi
  case_id?: string | null
  /** The case, when the reader takes part in it. */
  open?: string | null
  document_id?: string | null
  /** Of what another system sent: its code, a value with its unit, normal range and flag (HL7 table 0078), how final it is, and in which message it came. */
  code?: string | null
  value?: string
  unit?: string | null
  range?: string
  flag?: string
  state?: string | null
  who?: string
  message_id?: string
  /** The report or visit it belongs to, where its sender says so. */
  head_id?: string
  /** Which standard code it is here, when it came as another one. */
  standard?: { system: string; code: string; name?: string }
  /** What a cleaning rule or a person made of the value; what came stays beside it. */
  put_right?: { value: string; unit: string; by: 'rule' | 'person' }
  /** Which item a value is of: its standard code with the system; without one, its title. */
  item?: string
  /** The same was told by these systems of the institution, too. */
  also?: string[]
  /** What hangs on it; `elsewhere`: only named here. */
  attachments?: Attachment[]
  /** Of an imaging study: how many of its files are here. */
  pictures?: number
  org: Ref | null
  source: string | null
  patient_id: string
  linked: boolean
  masked: boolean
}
export interface Attachment {
  id: string
  title?: string
  content_type?: string
  bytes?: number
  elsewhere?: boolean
}
/** An attachment that was opened. */
export interface Opened {
  type: 'text' | 'pdf' | 'image' | 'file'
  content_type: string
  bytes: number
  title: string | null
  t_ms: number
  org: Ref | null
  source: string | null
  text?: string
  /** base64 */
  data?: string
  cut: boolean
}
/** Until when an institution's system was heard of. */
export interface System {
  name: string
  org: Ref
  last_ms: number | null
  day: string | null
  late: boolean
}
export interface Source {
  patient_id: string | null
  org: Ref | null
  basis: Basis
  linked: boolean
  refused: boolean
  /** There is older still than what is listed. */
  cut: boolean
}
export interface Timeline {
  items: Entry[]
  next: string | null
  facets: { kinds: { value: string; count: number }[]; orgs: { value: Ref; count: number }[]; years: { value: string; count: number }[] }
  sources: Source[]
  systems: System[]
}
