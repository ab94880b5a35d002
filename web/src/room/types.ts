// The live room as docs/protocol/signaling.md sends it.
import type { Ref } from '@/lib/api'

export type Source = 'mic' | 'camera' | 'screen' | 'camera2'
export const SOURCES: readonly Source[] = ['mic', 'camera', 'screen', 'camera2']
export type Grade = 'good' | 'fair' | 'poor' | 'lost'
export type Mode = 'full' | 'audio_only' | 'stills'

export interface Quality {
  grade: Grade
  up_bps: number
  down_bps: number
  loss: number
  rtt_ms: number
}
export interface SeatTrack {
  id: string
  source: Source
  muted: boolean
}
export interface Seat {
  id: string
  person: { id: string; name: string; title: string; org: Ref | string | null }
  role: 'host' | 'expert' | 'member' | 'guest' | 'machine'
  state: 'waiting' | 'admitted' | 'away' | 'left'
  hand: boolean
  muted_by_host: boolean
  tracks: SeatTrack[]
  quality: Quality | null
  /** A device that the host has fetched: how its stream is. */
  device?: DeviceState | null
}
export type DeviceState = 'connecting' | 'running' | 'unreachable' | 'refused' | 'not_found' | 'format' | 'ended' | 'internal'
export interface Show {
  document_id: string
  page: number
  zoom: number
  x: number
  y: number
  pointer: { x: number; y: number } | null
}
export interface RecordingState {
  state: 'off' | 'asking' | 'on'
  consents: Record<string, boolean | null>
  started_ms: number | null
  /** losing: on, but the disk does not take all of it; no_space, failed: it ended, or did not begin. */
  trouble?: '' | 'losing' | 'no_space' | 'failed'
}
export interface Room {
  id: string
  case_id: string | null
  title: string
  state: 'open' | 'live' | 'interrupted' | 'ended'
  host_seat: string | null
  seats: Seat[]
  recording: RecordingState
  spotlight: string | null
  show: (Show & { by?: string }) | null
  /** The patient agreed to recording on the form. */
  can_record: boolean
  /** Pictures that everybody in the room can receive with several sizes in one stream (VP9). */
  layered: Source[]
}
export interface Joined {
  seat: string
  resume: string
  state: 'waiting' | 'admitted'
  room: Room | null
  server_ms: number
  ice_servers?: RTCIceServer[]
}
export interface Remote {
  track: string
  seat: string
  source: Source
  stream: MediaStream
}
/** A picture as it comes to this page; `reduced`: what this page's own line made of it. */
export interface StreamQuality {
  track: string
  grade: 'A' | 'B' | 'C' | 'D'
  reduced: 'none' | 'frames' | 'size' | 'stills' | 'held'
  /** Why it is less than the page has use for; '' = it is not. */
  by: '' | 'line' | 'sender_line' | 'sender_cpu' | 'rest'
  bps: number
  loss: number
  delay_ms: number
  frozen_ms: number
}
export interface DownOffer {
  sdp: string
  map: { mid: string; seat: string; track: string; source: Source }[]
  version: number
}
export type Ask = <T>(verb: string, args?: unknown) => Promise<T>

export function orgName(org: Ref | string | null | undefined): string {
  return typeof org === 'string' ? org : (org?.name ?? '')
}
