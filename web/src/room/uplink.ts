// What this page sends: one peer connection, one m-line per source in a fixed order, tracks swapped with replaceTrack. Muting sends nothing
// and negotiates nothing; starting or stopping a source is one offer.
import type { Ask, Source } from './types'

export type CodecChoice = 'auto' | 'vp8' | 'h264'

/** What each source sends; null: its slot is there but silent. */
export type Outgoing = Partial<Record<Source, MediaStreamTrack | null>>

interface Slot {
  transceiver: RTCRtpTransceiver
  published: boolean
}

/** Three temporal layers: a thin line leaves frames out and keeps the picture sharp. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string }
const SIMULCAST: Encoding[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: 'L1T3' },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
  { rid: 'f', maxBitrate: 1_700_000, scalabilityMode: 'L1T3' },
]
const SINGLE: Partial<Record<Source, Encoding[]>> = {
  screen: [{ maxBitrate: 2_500_000, scalabilityMode: 'L1T3' }],
  camera2: [{ maxBitrate: 2_000_000, scalabilityMode: 'L1T3' }],
  mic: [{ maxBitrate: 48_000, priority: 'high', networkPriority: 'high' } as RTCRtpEncodingParameters],
}
/** How text, ultrasound and faces want to be encoded. */
const HINT: Record<Source, string> = { mic: 'speech', camera: 'motion', screen: 'detail', camera2: 'detail' }

export class Uplink {
  readonly pc: RTCPeerConnection
  private slots = new Map<Source, Slot>()
  private work: Promise<void> = Promise.resolve()
  private offered: Promise<RTCSessionDescriptionInit> | null = null
  private closed = false

  constructor(
    private readonly ask: Ask,
    private readonly codec: CodecChoice,
  ) {
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] })
  }

  /** Sends `track` as `source` (null: the slot stays but is silent). Negotiates only when the source is new. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    let slot = this.slots.get(source)
    if (!slot) {
      if (!track) return
      slot = { transceiver: this.open(source), published: false }
      this.slots.set(source, slot)
    }
    if (track && 'contentHint' in track) track.contentHint = HINT[source]
    await slot.transceiver.sender.replaceTrack(track)
    if (track && !slot.published) {
      slot.published = true
      slot.transceiver.direction = 'sendonly'
      await this.negotiate()
    }
  }

  /** Makes the first offer, of several sources at once; `publish` sends it. */
  prepare(tracks: Outgoing): void {
    for (const [source, track] of Object.entries(tracks) as [Source, MediaStreamTrack | null][]) {
      if (track && 'contentHint' in track) track.contentHint = HINT[source]
      this.slots.set(source, { transceiver: this.open(source, track), published: true })
    }
    if (this.slots.size) this.offered = this.pc.createOffer()
    this.offered?.catch(() => {}) // `publish` throws it
  }

  /** Sends what `prepare` made; nothing when there is nothing to send. Candidates are gathered from here on, so relays must be set before. */
  publish(): Promise<void> {
    if (!this.offered) return Promise.resolve()
    this.work = this.offered.then(async (offer) => {
      if (this.closed) return
      await this.pc.setLocalDescription(offer)
      await this.exchange()
    })
    return this.work
  }

  /** Which layers of a source anybody has use for, lowest first: the others rest, and this computer and its line with them. */
  async activate(source: Source, layers: boolean[]): Promise<void> {
    const sender = this.slots.get(source)?.transceiver.sender
    const parameters = sender?.getParameters()
    if (!sender || !parameters || parameters.encodings.length < 2) return
    let changed = false
    for (const [i, e] of parameters.encodings.entries()) {
      const on = layers[i] ?? true
      if (e.active === on) continue
      e.active = on
      changed = true
    }
    if (changed) await sender.setParameters(parameters)
  }

  /** Ends a source: its m-line becomes inactive and is used again later. */
  async stop(source: Source): Promise<void> {
    const slot = this.slots.get(source)
    if (!slot?.published) return
    slot.published = false
    await slot.transceiver.sender.replaceTrack(null)
    slot.transceiver.direction = 'inactive'
    await this.negotiate()
  }

  restart(): Promise<void> {
    return this.negotiate(true)
  }

  get published(): boolean {
    return [...this.slots.values()].some((s) => s.published)
  }

  close(): void {
    this.closed = true
    this.pc.close()
  }

  private open(source: Source, track: MediaStreamTrack | null = null): RTCRtpTransceiver {
    const video = source !== 'mic'
    const sendEncodings = source === 'camera' ? SIMULCAST : (SINGLE[source] ?? [])
    const transceiver = this.pc.addTransceiver(track ?? (video ? 'video' : 'audio'), { direction: 'sendonly', sendEncodings })
    if (video) this.prefer(transceiver)
    return transceiver
  }

  private prefer(transceiver: RTCRtpTransceiver): void {
    const all = RTCRtpSender.getCapabilities?.('video')?.codecs
    if (!all || !transceiver.setCodecPreferences) return
    const first = this.codec === 'h264' ? 'video/h264' : 'video/vp8'
    const rank = (c: { mimeType: string }): number => (c.mimeType.toLowerCase() === first ? 0 : 1)
    try {
      transceiver.setCodecPreferences([...all].sort((a, b) => rank(a) - rank(b)))
    } catch {
      // older browsers take only codecs they can also receive: their own order then
    }
  }

  private negotiate(iceRestart = false): Promise<void> {
    this.work = this.work.catch(() => {}).then(() => (this.closed ? undefined : this.offer(iceRestart).then(() => this.exchange())))
    return this.work
  }

  private async offer(iceRestart: boolean): Promise<void> {
    await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart }))
  }

  private async exchange(): Promise<void> {
    const pc = this.pc
    const tracks = [...this.slots].filter(([, s]) => s.published).map(([source, s]) => ({ mid: s.transceiver.mid, source }))
    try {
      const { sdp } = await this.ask<{ sdp: string }>('media.publish', { sdp: pc.localDescription?.sdp, tracks })
      if (!this.closed) await pc.setRemoteDescription({ type: 'answer', sdp })
    } catch (error) {
      if (!this.closed && pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' })
      throw error
    }
  }
}
