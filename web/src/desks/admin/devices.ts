import type { Ref } from '@/lib/api'

export const KINDS = ['rtsp', 'rtmp', 'srt'] as const
export type Kind = (typeof KINDS)[number]
export interface Device {
  id: string
  name: string
  kind: Kind
  address: string
  user: string
  has_password: boolean
  enabled: boolean
  org: Ref
}
export const EXAMPLES: Record<Kind, string> = { rtsp: 'rtsp://10.1.2.3/stream1', rtmp: 'rtmp://10.1.2.3/live/or1', srt: 'srt://10.1.2.3:9000' }
