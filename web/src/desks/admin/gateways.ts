import { gw } from './words-gateways'

export const KINDS = ['urgent', 'task', 'info'] as const
export interface Gateway {
  id: string
  name: string
  kind: 'webhook'
  url: string
  kinds: (typeof KINDS)[number][]
  priority: number
  enabled: boolean
  has_secret: boolean
}
export const STATES = ['queued', 'sent', 'delivered', 'read', 'failed'] as const
export interface Delivery {
  id: string
  state: (typeof STATES)[number]
  tries: number
  next_ms: number
  error: string | null
  created_ms: number
  changed_ms: number
  gateway: { id: string; name: string }
  template: string
  case_number: string | null
  urgent: boolean
  person: { id: string; name: string | null }
}
/** "HTTP 503" is said in words; a text of the transport stays as it is. */
export function errorText(error: string | null): string {
  const status = /^HTTP (\d+)$/.exec(error ?? '')?.[1]
  return status ? gw('e_http', { n: status }) : (error ?? '')
}
export const whatText = (d: Delivery): string => (d.template === 'gateway.test' ? gw('test_message') : d.case_number ? gw('message_of', { number: d.case_number }) : gw('other_message'))
