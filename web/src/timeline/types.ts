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
  org: Ref | null
  source: string | null
  patient_id: string
  linked: boolean
  masked: boolean
}
export interface Source {
  patient_id: string | null
  org: Ref | null
  basis: Basis
  linked: boolean
  refused: boolean
}
export interface Timeline {
  items: Entry[]
  next: string | null
  facets: { kinds: { value: string; count: number }[]; orgs: { value: Ref; count: number }[] }
  sources: Source[]
}
