// getStats of both connections, made into the few numbers that people and the server need.
import type { Grade } from './types'

export interface Summary {
  up_bps: number
  down_bps: number
  up_loss: number
  down_loss: number
  rtt_ms: number
  frames_decoded: number
  frames_per_second: number
  freezes: number
  audio_concealed: number
  limited_by: string
  /** Media go through a TURN relay. */
  relayed: boolean
  /** What the browser takes its line up to carry. */
  up_line_bps: number
  grade: Grade
}

interface Counters {
  t: number
  sent: number
  received: number
  lost: number
  packets: number
  remoteLost: number
  remotePackets: number
  frames: number
  concealed: number
  samples: number
}
type Any = Record<string, number & string>

export class StatsMeter {
  private last: Counters | null = null

  /** Rates are since the call before; null the first time. */
  async read(up: RTCPeerConnection | null, down: RTCPeerConnection | null): Promise<Summary | null> {
    const c: Counters = { t: performance.now(), sent: 0, received: 0, lost: 0, packets: 0, remoteLost: 0, remotePackets: 0, frames: 0, concealed: 0, samples: 0 }
    let rtt = 0
    let freezes = 0
    let limited = 'none'
    let line = 0
    let relayed = false
    for (const pc of [up, down]) {
      if (!pc || pc.signalingState === 'closed') continue
      const report = await pc.getStats()
      report.forEach((raw) => {
        const s = raw as Any
        if (raw.type === 'candidate-pair' && (s.nominated as unknown as boolean)) {
          rtt = Math.max(rtt, (s.currentRoundTripTime ?? 0) * 1000)
          if (pc === up) line = s.availableOutgoingBitrate ?? 0
          relayed ||= (report.get(s.localCandidateId ?? '') as Any | undefined)?.candidateType === ('relay' as never)
        }
        else if (raw.type === 'outbound-rtp') {
          c.sent += s.bytesSent ?? 0
          c.remotePackets += s.packetsSent ?? 0
          if (s.qualityLimitationReason && s.qualityLimitationReason !== ('none' as never)) limited = s.qualityLimitationReason
        } else if (raw.type === 'remote-inbound-rtp') c.remoteLost += s.packetsLost ?? 0
        else if (raw.type === 'inbound-rtp') {
          c.received += s.bytesReceived ?? 0
          c.lost += s.packetsLost ?? 0
          c.packets += s.packetsReceived ?? 0
          c.frames += s.framesDecoded ?? 0
          freezes += s.freezeCount ?? 0
          c.concealed += (s.concealedSamples ?? 0) - (s.silentConcealedSamples ?? 0) // who is silent, or not among the loudest, sends nothing
          c.samples += s.totalSamplesReceived ?? 0
        }
      })
    }
    const was = this.last
    this.last = c
    if (!was || c.t - was.t < 500) return null
    const seconds = (c.t - was.t) / 1000
    const rate = (a: number, b: number): number => (a > b ? Math.round(((a - b) * 8) / seconds) : 0)
    const share = (lost: number, all: number): number => (lost > 0 && all > 0 ? Math.min(1, lost / (lost + all)) : 0)
    const up_loss = share(c.remoteLost - was.remoteLost, c.remotePackets - was.remotePackets)
    const down_loss = share(c.lost - was.lost, c.packets - was.packets)
    return {
      up_bps: rate(c.sent, was.sent),
      down_bps: rate(c.received, was.received),
      up_loss,
      down_loss,
      rtt_ms: Math.round(rtt),
      frames_decoded: c.frames,
      frames_per_second: Math.max(0, Math.round((c.frames - was.frames) / seconds)),
      freezes,
      audio_concealed: share(c.concealed - was.concealed, c.samples - was.samples),
      limited_by: limited,
      relayed,
      up_line_bps: Math.round(line),
      grade: gradeOf(Math.max(up_loss, down_loss), rtt),
    }
  }
}

/** Plain-word classes: fair from 3 % loss or 250 ms, poor from 10 % or 600 ms. */
export function gradeOf(loss: number, rtt_ms: number): Grade {
  if (loss >= 0.1 || rtt_ms >= 600) return 'poor'
  if (loss >= 0.03 || rtt_ms >= 250) return 'fair'
  return 'good'
}
