// What GET /rooms, /rooms/{id} and /room_sessions tell (docs/protocol/http.md), and how it is written.
import { spanText } from '@/lib/time'
import { rw } from './words-rooms'

export type LineGrade = 'good' | 'fair' | 'poor' | 'lost'
export interface RoomHead { id: string; number: string; kind: 'consultation' | 'lecture'; state: string; since_ms: number; seats: number; waiting: number; audience: number; recording: boolean; orgs: string[]; grade: LineGrade | null }
export interface Way { way: 'none' | 'udp' | 'tcp' | 'inside'; ip: number; rtt_ms: number; bps: number; loss_permille: number; jitter_ms: number; line_bps: number; queue_ms: number }
export interface Sent { source: string; codec: string; layer: number; layers: number; alive: boolean; rests: boolean; width: number; height: number; bps: number; loss_permille: number; jitter_ms: number; nacks: number; restored: number; keyframe_requests: number }
export interface Received { from: string; source: string; codec: string; layer: number; width: number; height: number; reduced: 'none' | 'frames' | 'size' | 'held'; paused: boolean; waits: boolean; bps: number; loss_permille: number; jitter_ms: number; nacks: number; resent: number; keyframe_requests: number; freezes: number; grades: string }
export interface Seat { id: string; role: string; state: 'waiting' | 'admitted' | 'away'; org: string | null; device: string | null; grade: LineGrade | null; up: Way | null; down: Way | null; sent: Sent[]; page: { relayed?: boolean; up_line_bps?: number; limited_by?: string; freezes?: number } | null; grades: string }
export interface Inside { p50_us: number; p99_us: number; bounds_us: number[]; counts: number[] }
export interface LiveRoom extends RoomHead { people: Seat[]; received: Received[] | null; inside: Inside; now_ms: number }

export interface SessionHead { room_id: string; number: string; kind: 'consultation' | 'lecture'; started_ms: number; ended_ms: number | null; orgs: { id: string; name: string }[]; people: number; grade: Grade | null }
export type Grade = 'A' | 'B' | 'C' | 'D'
export interface SessionStream { from_seat: string; source: string; grade: Grade; seconds: Record<Grade, number>; bps: number; loss_permille: number; delay_ms: number; frozen_ms: number }
export interface SessionSeat { seat: string; role: string; org: { id: string; name: string } | null; grade: LineGrade; seconds: Record<LineGrade, number>; loss_permille: number; rtt_ms: number; up_bps: number; down_bps: number; limited_by: string; streams: SessionStream[]; over_time: { t_ms: number; grade: Grade; loss_permille: number; rtt_ms: number }[] }
export interface SessionRoom extends SessionHead { seats: SessionSeat[] }

type Kind = 'ok' | 'info' | 'warn' | 'danger'
const kinds: Record<string, Kind> = { good: 'ok', fair: 'info', poor: 'warn', lost: 'danger', A: 'ok', B: 'info', C: 'warn', D: 'danger' }
export const kindOf = (grade: string): Kind => kinds[grade] ?? 'info'
export const rate = (bps: number): string => (bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`)
export const share = (permille: number): string => `${(permille / 10).toFixed(permille && permille < 100 ? 1 : 0)}%`
export const micros = (us: number): string => (us < 1000 ? `${Math.round(us)} µs` : `${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`)
export const word = (w: string): string => rw.maybe(w) ?? w

/** "Expert · County hospital"; a second one of the same is numbered. */
export function seatNames(seats: { id: string; role: string; org: string | null }[]): Map<string, string> {
  const plain = (s: { role: string; org: string | null }): string => [word(s.role), s.org].filter(Boolean).join(' · ')
  const names = new Map<string, string>()
  for (const s of seats) {
    const like = seats.filter((o) => plain(o) === plain(s))
    names.set(s.id, like.length > 1 ? `${plain(s)} ${like.indexOf(s) + 1}` : plain(s))
  }
  return names
}

/** How one side of a seat's line is, in one sentence. */
export function wayText(w: Way, page: Seat['page'], up: boolean): string {
  const line = up ? (page?.up_line_bps ?? 0) : w.line_bps
  return [
    w.ip ? `${rw(`way_${w.way}`)} ${rw('ip', { n: w.ip })}` : rw(`way_${w.way}`),
    ...(page?.relayed ? [rw('relayed')] : []),
    ...(w.rtt_ms ? [rw('rtt', { n: w.rtt_ms })] : []),
    rate(w.bps),
    rw('loss', { n: share(w.loss_permille) }),
    rw('jitter', { n: w.jitter_ms }),
    ...(line ? [rw(up ? 'line_up' : 'line_down', { n: rate(line) })] : []),
    ...(w.queue_ms ? [rw('queue', { n: w.queue_ms })] : []),
  ].join(' · ')
}

/** What made a session bad for one seat, worst first; empty: nothing did. */
export function reasons(s: SessionSeat): string[] {
  const frozen = s.streams.reduce((ms, t) => ms + t.frozen_ms, 0)
  const lines: [boolean, string][] = [
    [s.seconds.lost >= 4, rw('why_cut', { t: spanText(1000 * s.seconds.lost) })],
    [s.loss_permille >= 20, rw('why_loss', { n: share(s.loss_permille) })],
    [s.rtt_ms >= 250, rw('why_rtt', { n: s.rtt_ms })],
    [s.limited_by === 'bandwidth', rw('why_bandwidth')],
    [s.limited_by === 'cpu', rw('why_cpu')],
    [frozen >= 2000, rw('why_frozen', { t: spanText(frozen) })],
    [s.streams.some((t) => t.grade !== 'A' && t.loss_permille < 20 && t.delay_ms < 200), rw('why_reduced')],
  ]
  return lines.filter(([is]) => is).map(([, text]) => text)
}
