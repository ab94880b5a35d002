// What this page sends: one peer connection, one m-line per source in a fixed order, tracks swapped with replaceTrack. Muting sends nothing
// and negotiates nothing; starting or stopping a source is one offer.
import type { Ask, Source } from './types'

export type CodecChoice = 'auto' | 'vp8' | 'h264'

/** What each source sends; null: its slot is there but silent. */
export type Outgoing = Partial<Record<Source, MediaStreamTrack | null>>

interface Slot {
  transceiver: RTCRtpTransceiver
  /** Its sizes come in one stream. */
  layered: boolean
  published: boolean
  /** How many sizes anybody has use for, from the smallest. */
  sizes: number
  /** Its sender was told so. */
  sized?: boolean
}

/** Three temporal layers: a thin line leaves frames out and keeps the picture sharp. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string }
const SIMULCAST: Encoding[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: 'L1T3' },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
  { rid: 'f', maxBitrate: 1_700_000, scalabilityMode: 'L1T3' },
]
/** What is shown (text, an ultrasound) has four times a face's share of a line that cannot carry both whole. */
const FIRST: Encoding = { priority: 'high' }
const SINGLE: Partial<Record<Source, Encoding[]>> = {
  screen: [{ ...FIRST, maxBitrate: 2_500_000, scalabilityMode: 'L1T3' }],
  camera2: [{ ...FIRST, maxBitrate: 2_000_000, scalabilityMode: 'L1T3' }],
  mic: [{ maxBitrate: 48_000, priority: 'high', networkPriority: 'high' } as RTCRtpEncodingParameters],
}
/** VP9, where everybody can receive it and this browser can send it so: three sizes in one stream, of which each viewer gets what he has use for. */
const LAYERED: Partial<Record<Source, Encoding>> = {
  screen: { ...FIRST, maxBitrate: 2_500_000, scalabilityMode: 'L1T3' },
  camera2: { ...FIRST, maxBitrate: 2_500_000, scalabilityMode: 'L3T3_KEY' },
}
/** libwebrtc makes no size below 240x135 of its own. */
function sizesOf(track: MediaStreamTrack | null): number {
  const { width = 1280, height = 720 } = track?.getSettings() ?? {}
  const fits = (n: number): boolean => Math.max(width, height) / n >= 240 && Math.min(width, height) / n >= 135
  return fits(4) ? 3 : fits(2) ? 2 : 1
}
/** How text, ultrasound and faces want to be encoded. */
const HINT: Record<Source, string> = { mic: 'speech', camera: 'motion', screen: 'detail', camera2: 'detail' }

/** With "detail" Chromium takes a track for a screen, of which it sends no more than one size; lines before frames is said otherwise there. */
function hint(track: MediaStreamTrack | null, slot: Slot, source: Source): void {
  if (track && 'contentHint' in track) track.contentHint = slot.layered && source !== 'screen' ? '' : HINT[source]
}

/** This browser can send several sizes in one stream, as far as was found out. */
let canLayer = true

export class Uplink {
  readonly pc: RTCPeerConnection
  private slots = new Map<Source, Slot>()
  /** m-lines of the other form, silent: a source that changes back takes its own again. */
  private spare = new Map<Source, Slot>()
  /** Sources to be sent with their sizes in one stream. */
  private layered: ReadonlySet<Source>
  private forming: Promise<void> = Promise.resolve()
  private work: Promise<void> = Promise.resolve()
  private offered: Promise<RTCSessionDescriptionInit> | null = null
  private closed = false

  constructor(
    private readonly ask: Ask,
    private readonly codec: CodecChoice,
    layered: readonly Source[],
  ) {
    this.layered = new Set(layered)
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] })
  }

  /** Sends `track` as `source` (null: the slot stays but is silent). Negotiates only when the source is new. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    let slot = this.slots.get(source)
    if (!slot && !track) return
    if (!slot || (!slot.published && slot.layered !== this.wantsLayers(source))) slot = this.slotFor(source)
    await this.fill(slot, source, track)
    if (track && !slot.published) {
      slot.published = true
      slot.transceiver.direction = 'sendonly'
      await this.negotiate()
    }
  }

  /** Makes the first offer, of several sources at once; `publish` sends it. */
  prepare(tracks: Outgoing): void {
    for (const [source, track] of Object.entries(tracks) as [Source, MediaStreamTrack | null][]) {
      const slot = this.open(source, track)
      hint(track, slot, source)
      this.slots.set(source, { ...slot, published: true })
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

  /** Sources that everybody in the room can receive with their sizes in one stream; what is sent in the other form is sent anew. */
  form(layered: readonly Source[]): Promise<void> {
    this.layered = new Set(layered)
    this.forming = this.forming.catch(() => {}).then(() => this.sendInForm())
    return this.forming
  }

  private async sendInForm(): Promise<void> {
    let changed = false
    for (const [source, old] of [...this.slots]) {
      if (!old.published || old.layered === this.wantsLayers(source)) continue
      const { track } = old.transceiver.sender
      await old.transceiver.sender.replaceTrack(null)
      old.transceiver.direction = 'inactive'
      const slot = this.slotFor(source)
      await this.fill(slot, source, track)
      slot.transceiver.direction = 'sendonly'
      slot.published = true
      changed = true
    }
    if (changed) await this.negotiate()
  }

  /** Which layers of a source anybody has use for, lowest first: the others rest, and this computer and its line with them. */
  async activate(source: Source, layers: boolean[]): Promise<void> {
    const slot = this.slots.get(source)
    if (slot?.layered) {
      slot.sizes = layers.lastIndexOf(true) + 1
      return this.resize(slot, LAYERED[source]!)
    }
    const sender = slot?.transceiver.sender
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
    slot.sizes = 3
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

  private open(source: Source, track: MediaStreamTrack | null = null): Slot {
    const video = source !== 'mic'
    if (video && this.wantsLayers(source)) {
      const slot = this.openLayered(source, track)
      if (slot) return slot
    }
    const sendEncodings = source === 'camera' ? SIMULCAST : (SINGLE[source] ?? [])
    const transceiver = this.pc.addTransceiver(track ?? (video ? 'video' : 'audio'), { direction: 'sendonly', sendEncodings })
    if (video) this.prefer(transceiver, this.codec === 'h264' ? 'video/h264' : 'video/vp8')
    return { transceiver, layered: false, published: false, sizes: 3 }
  }

  /** null, from then on for everything: this browser does not know such streams. It says so by not keeping what it was told. */
  private openLayered(source: Source, track: MediaStreamTrack | null): Slot | null {
    const encoding = LAYERED[source]!
    try {
      const transceiver = this.pc.addTransceiver(track ?? 'video', { direction: 'sendonly', sendEncodings: [encoding] })
      const kept = (transceiver.sender.getParameters().encodings[0] as Encoding | undefined)?.scalabilityMode === encoding.scalabilityMode
      if (kept && this.prefer(transceiver, 'video/vp9')) return { transceiver, layered: true, published: false, sizes: 3 }
      // The same m-line will do: nothing of it was kept but the bit rate.
      canLayer = false
      this.prefer(transceiver, 'video/vp8')
      return { transceiver, layered: false, published: false, sizes: 3 }
    } catch {
      canLayer = false
      return null
    }
  }

  private wantsLayers(source: Source): boolean {
    return canLayer && this.codec !== 'h264' && source in LAYERED && this.layered.has(source)
  }

  /** The m-line of the form that is wanted now takes the place of the one there is. */
  private slotFor(source: Source): Slot {
    const old = this.slots.get(source)
    const spare = this.spare.get(source)
    const slot = spare?.layered === this.wantsLayers(source) ? spare : this.open(source)
    this.spare.delete(source)
    if (old) this.spare.set(source, { ...old, published: false, sizes: 3 })
    this.slots.set(source, slot)
    return slot
  }

  private async fill(slot: Slot, source: Source, track: MediaStreamTrack | null): Promise<void> {
    hint(track, slot, source)
    await slot.transceiver.sender.replaceTrack(track)
    if (slot.layered) await this.resize(slot, LAYERED[source]!)
  }

  /** Sends the sizes that are of use: the picture is made smaller, so that each keeps its place and its lines. */
  private async resize(slot: Slot, full: Encoding): Promise<void> {
    const { sender } = slot.transceiver
    const parameters = sender.getParameters()
    const e = parameters.encodings[0] as Encoding | undefined
    if (!e || full.scalabilityMode !== 'L3T3_KEY') return
    const all = sizesOf(sender.track)
    const rest = all - Math.max(1, Math.min(all, slot.sizes))
    const mode = rest ? `L${all - rest}T3${all - rest > 1 ? '_KEY' : ''}` : full.scalabilityMode
    if (slot.sized && e.scalabilityMode === mode && (e.scaleResolutionDownBy ?? 1) === 2 ** rest) return
    slot.sized = true
    Object.assign(e, { scalabilityMode: mode, scaleResolutionDownBy: 2 ** rest, maxBitrate: full.maxBitrate! / 4 ** rest })
    Object.assign(parameters, { degradationPreference: 'maintain-resolution' })
    await sender.setParameters(parameters)
  }

  /** False: there is no such codec here, or the browser keeps its own order. */
  private prefer(transceiver: RTCRtpTransceiver, first: string): boolean {
    const all = RTCRtpSender.getCapabilities?.('video')?.codecs
    if (!all || !transceiver.setCodecPreferences) return false
    const is = (c: { mimeType: string; sdpFmtpLine?: string }): boolean => c.mimeType.toLowerCase() === first && !/profile-id=[1-9]/.test(c.sdpFmtpLine ?? '')
    try {
      transceiver.setCodecPreferences([...all.filter(is), ...all.filter((c) => !is(c))])
      return all.some(is)
    } catch {
      // older browsers take only codecs they can also receive: their own order then
      return false
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
